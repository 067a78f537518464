"""Probe kind `postgres`: the server answers a startup packet, like `pg_isready`.

It does what every client with `sslmode=prefer` does: request TLS, use it if offered, and send the user's name. If the server
then asks for a password, the probe closes without a word, which the server does not log. If the server lets the user in, the
probe ends the session properly. An error about the user or the database comes from a server that works.
Source: the frontend/backend protocol 3.0, https://www.postgresql.org/docs/current/protocol-flow.html and
protocol-message-formats.html; error codes: errcodes-appendix.html.
"""

import struct

from tidegate.control.health.connection import Connection
from tidegate.control.health.request import ProbeError, ProbeRequest
from tidegate.control.health.tls_layer import client_context

USUAL_USER = "postgres"
SSL_REQUEST = struct.pack("!II", 8, 80877103)
TERMINATE = b"X\0\0\0\4"
LOGGED_IN = b"\0\0\0\0"
READY = b"Z"
MOST_MESSAGE = 8 * 1024
MOST_MESSAGES = 64
SERVES_OTHERS = ("28", "3D")
"""Classes of error codes of a server that works: invalid authorization, no such database."""


async def probe(request: ProbeRequest) -> None:
    """Begin to log in, and leave after the server's answer. Raises ProbeError or OSError."""
    async with Connection(request) as connection:
        await connection.send(SSL_REQUEST)
        answer = await connection.exactly(1)
        if answer == b"S":
            await connection.start_tls(client_context(verify=False, ca_file=None), request.server_name)
        elif answer != b"N":
            raise ProbeError(f"expected S or N to SSLRequest, got {request.quoted(answer)}")
        await connection.send(_startup(request.settings.user or USUAL_USER))
        await _judge(connection, request)


def _startup(user: str) -> bytes:
    parameters = ("user", user, "database", "postgres", "application_name", "tidegate-probe")
    body = struct.pack("!I", 0x30000) + b"".join(word.encode() + b"\0" for word in parameters) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


async def _judge(connection: Connection, request: ProbeRequest) -> None:
    kind, body = await _message(connection, request)
    if kind == b"R" and body == LOGGED_IN:
        await _leave(connection, request)
    elif kind == b"E":
        _judge_error(body, request)
    elif kind not in {b"R", b"v"}:  # "v": the server negotiates the protocol version
        raise ProbeError(f"expected R or E to a startup packet, got {request.quoted(kind)}")


async def _leave(connection: Connection, request: ProbeRequest) -> None:
    """End the session once it is ready: the server reports some errors, like too many connections, only after the login."""
    for _ in range(MOST_MESSAGES):
        kind, body = await _message(connection, request)
        if kind == READY:
            return await connection.say_goodbye(TERMINATE)
        if kind == b"E":
            return _judge_error(body, request)
    raise ProbeError(f"{MOST_MESSAGES} messages after the login, and not ready for a query")


async def _message(connection: Connection, request: ProbeRequest) -> tuple[bytes, bytes]:
    head = await connection.exactly(5)
    length = int.from_bytes(head[1:], "big") - 4
    if not 0 <= length <= MOST_MESSAGE:
        raise ProbeError(f"expected a message of the PostgreSQL protocol, got {request.quoted(head)}")
    return head[:1], await connection.exactly(length)


def _judge_error(body: bytes, request: ProbeRequest) -> None:
    fields = {field[:1]: field[1:] for field in body.split(b"\0") if field}
    code = fields.get(b"C", b"").decode(errors="replace")
    if not code.startswith(SERVES_OTHERS):
        raise ProbeError(f"error {request.quoted(fields.get(b'C', b''))}: {request.quoted(fields.get(b'M', b''))}")
