"""Probe kind `grpc`: the standard health service answers that the server, or one service of it, is serving.

It uses plain-text HTTP/2. Both messages have one field, so they are encoded here, without a protobuf library.
Sources: https://github.com/grpc/grpc/blob/master/doc/health-checking.md and PROTOCOL-HTTP2.md beside it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import H2Error

from tidegate.control.health.connection import Connection
from tidegate.control.health.exchange import user_agent
from tidegate.control.health.request import CLOSED, ProbeError, ProbeRequest

PATH = "/grpc.health.v1.Health/Check"
MOST_ANSWER = 16 * 1024  # a thousand frames, each of which costs more than its bytes
MOST_MESSAGE = 1024
FRAME_HEAD, SETTINGS, MOST_SETTINGS = 9, b"\x04", 1024  # RFC 9113, sections 3.4 and 4.1
SERVING = 1
STATES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
OK, NOT_FOUND, UNIMPLEMENTED = 0, 5, 12
_OBJECT = re.compile(r"<[^<>]* at 0x[0-9a-f]+>")
"""What the library writes for a buffer: its address differs from probe to probe."""


@dataclass(slots=True)
class Answer:
    """The part of the answer received so far."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    message: bytearray = field(default_factory=bytearray)
    complete: bool = False


async def probe(request: ProbeRequest) -> None:
    """Ask the health service. Raises ProbeError or OSError."""
    http = H2Connection(H2Configuration(client_side=True, header_encoding=False))
    try:
        async with Connection(request) as connection:
            await connection.send(_question(http, request))
            _judge(await _answer(connection, http, request), request)
            http.close_connection()
            await connection.say_goodbye(http.data_to_send())
    except H2Error as error:
        raise ProbeError(f"HTTP/2 failed: {request.quoted(_OBJECT.sub('...', str(error)).encode())}") from None


def _question(http: H2Connection, request: ProbeRequest) -> bytes:
    http.initiate_connection()
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": PATH,
        ":authority": request.host_header,
        "te": "trailers",
        "content-type": "application/grpc",
        **user_agent(request),
        **request.headers,
    }
    http.send_headers(1, [(name.lower(), value) for name, value in headers.items()])
    http.send_data(1, _framed(request.settings.service or ""), end_stream=True)
    return http.data_to_send()


def _framed(service: str) -> bytes:
    """An uncompressed HealthCheckRequest: field 1 is the name of the service, whose length fits into one or two bytes."""
    name = service.encode()
    size = len(name)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    message = b"\x0a" + length + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


async def _answer(connection: Connection, http: H2Connection, request: ProbeRequest) -> Answer:
    """Receive the complete answer. The first frame is checked here: the library would wait for any announced length."""
    data = await connection.exactly(FRAME_HEAD)
    if data[3:4] != SETTINGS or int.from_bytes(data[:3], "big") > MOST_SETTINGS:
        raise ProbeError(f"expected HTTP/2, got {request.quoted(data)}")
    answer, received = Answer(), 0
    while data:
        received += len(data)
        if received > MOST_ANSWER:
            raise ProbeError(f"received more than {MOST_ANSWER} bytes without an answer")
        _take(http.receive_data(data), answer)
        if to_send := http.data_to_send():
            await connection.send(to_send)
        if answer.complete:
            return answer
        data = await connection.read()
    raise ProbeError("connection closed in the middle of an answer" if answer.headers else CLOSED)


def _take(events: Iterable[Event], answer: Answer) -> None:
    for event in events:
        match event:
            case ResponseReceived(headers=headers) | TrailersReceived(headers=headers):
                answer.headers |= {bytes(name): bytes(value) for name, value in headers or ()}
            case DataReceived(data=data):
                answer.message += data or b""
                if len(answer.message) > MOST_MESSAGE:
                    raise ProbeError(f"the answer has more than {MOST_MESSAGE} bytes")
            case StreamEnded():
                answer.complete = True
            case StreamReset(error_code=code) | ConnectionTerminated(error_code=code):
                if not answer.complete:
                    raise ProbeError(f"the server ended the request: {_error_name(code)}")
            case _:
                pass


def _judge(answer: Answer, request: ProbeRequest) -> None:
    http_status = answer.headers.get(b":status", b"")
    if http_status != b"200":
        raise ProbeError(f"expected HTTP status 200, got {request.quoted(http_status)}")
    status = _number(answer.headers.get(b"grpc-status", b""))
    service = f"the service {request.settings.service!r}" if request.settings.service else "the server"
    if status == UNIMPLEMENTED:
        raise ProbeError("UNIMPLEMENTED: the server has no grpc.health.v1.Health; add it there, or check with type tcp")
    if status == NOT_FOUND:
        raise ProbeError(f"NOT_FOUND: {service} is not known to the health service; see health.service")
    if status != OK:
        text = request.quoted(answer.headers.get(b"grpc-message", b""))
        raise ProbeError(f"expected grpc-status 0, got {request.quoted(answer.headers.get(b'grpc-status', b''))}: {text}")
    state = _state(bytes(answer.message))
    if state != SERVING:
        raise ProbeError(f"expected {service} to be SERVING, got {STATES.get(state, state)}")


def _state(message: bytes) -> int:
    """The state in a framed HealthCheckResponse: field 1, or 0 if it is absent. Raises ProbeError."""
    head, body = message[:5], message[5:]
    if len(head) < 5 or head[0] != 0 or int.from_bytes(head[1:], "big") != len(body):
        raise ProbeError("expected a HealthCheckResponse, got something else")
    if not body:
        return 0
    if len(body) < 2 or body[0] != 0x08:
        raise ProbeError("expected a HealthCheckResponse, got something else")
    return body[1]


def _number(text: bytes) -> int | None:
    return int(text) if text.isdigit() and len(text) < 4 else None


def _error_name(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else f"error {code}"
