"""Requests to a connection of the admin port: what they ask, when the connection ends, and what is refused."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import h11
import orjson
import pytest
import pytest_asyncio
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.clients import connect
from tidegate.control.admin.answer import Answer, RefusedError, json_answer
from tidegate.control.admin.connection import MOST_HEAD, READ_AT_ONCE, Connection
from tidegate.control.admin.request import Request, read_request

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST = "Host: x:9000"
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port() -> AsyncIterator[int]:
    """A port that answers requests with what they ask."""

    async def repeat(request: Request) -> Answer:
        return json_answer({"path": request.path, "query": dict(request.query), "headers": dict(request.headers)})

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await Connection(reader, writer, repeat).serve()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def head_of(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


async def answers(port: int, request_bytes: bytes) -> list[bytes]:
    """All answers to these bytes, after which the client sends no more."""
    client = await connect(port)
    client.writer.write(request_bytes)
    return re.split(rb"(?=HTTP/1\.1 [0-9]{3} )", await client.finish())[1:]


def what_was_asked(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    return orjson.loads(body)


async def test_a_request_has_path_parameters_and_headers(port: int) -> None:
    lines = ("GET /status?pool=a%20b&state=&pool=c HTTP/1.1", HOST, "ACCEPT:  text/plain ", "Accept: */*")
    (answer,) = await answers(port, head_of(*lines))
    assert what_was_asked(answer) == {
        "path": "/status",
        "query": {"pool": "a b", "state": ""},
        "headers": {"host": "x:9000", "accept": "text/plain, */*"},
    }
    (answer,) = await answers(port, head_of("GET http://x:9000/status?pool=a HTTP/1.1", HOST))
    assert what_was_asked(answer)["path"] == "/status"


@pytest.mark.parametrize(
    ("request_bytes", "goes_on"),
    [
        (head_of("GET / HTTP/1.1", HOST), True),
        (head_of("POST / HTTP/1.1", HOST, "Content-Length: 0"), True),
        (head_of("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked") + b"0\r\n\r\n", True),
        (head_of("GET / HTTP/1.1", HOST, "Connection: Upgrade", "Upgrade: websocket"), True),
        (head_of("GET / HTTP/1.1", HOST, "Connection: Close"), False),
        (head_of("GET / HTTP/1.1", HOST, "Connection: x, close"), False),
        (head_of("GET / HTTP/1.0"), False),
        (head_of("GET / HTTP/1.0", "Connection: Keep-Alive"), False),
        (head_of("POST / HTTP/1.1", HOST, "Content-Length: 5") + b"GET /", False),
        (head_of("POST / HTTP/1.1", HOST, "Content-Length: 5", "Expect: 100-continue"), False),
        (head_of("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked") + b"5\r\nGET /\r\n0\r\n\r\n", False),
        (head_of("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked") + b"nonsense\r\n", False),
    ],
)
async def test_a_connection_ends_as_asked_and_after_a_body(port: int, request_bytes: bytes, *, goes_on: bool) -> None:
    first, *others = await answers(port, request_bytes + NEXT)
    assert what_was_asked(first)["path"] != "/next"
    assert [what_was_asked(other)["path"] for other in others] == (["/next"] if goes_on else [])
    assert (b"\r\nConnection: close\r\n" in first) is not goes_on


async def test_head_gets_the_head_of_the_answer_alone(port: int) -> None:
    (whole,) = await answers(port, head_of("GET / HTTP/1.1", HOST))
    head, following = await answers(port, head_of("HEAD / HTTP/1.1", HOST) + NEXT)
    length = len(whole.partition(b"\r\n\r\n")[2])
    assert f"\r\nContent-Length: {length}\r\n".encode() in head
    assert head.endswith(b"\r\n\r\n")
    assert what_was_asked(following)["path"] == "/next"
    (last,) = await answers(port, head_of("HEAD / HTTP/1.1", HOST, "Content-Length: 5"))
    assert last.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET  / HTTP/1.1", HOST], 400),
        (["GET / HTTP/1.1"], 400),
        (["GET / HTTP/1.1", HOST, HOST], 400),
        (["GET / HTTP/2.0", HOST], 400),
        (["PRI * HTTP/2.0"], 400),
        (["GET /\x00 HTTP/1.1", HOST], 400),
        (["GET //[ HTTP/1.1", HOST], 400),
        (["GET / HTTP/1.1", HOST, "no colon"], 400),
        (["GET / HTTP/1.1", HOST, "name : value"], 400),
        (["GET / HTTP/1.1", HOST, "Content-Length: 5", "Content-Length: 6"], 400),
        (["GET / HTTP/1.1", HOST, "Content-Length: ²"], 400),
        (["GET / HTTP/1.1", HOST, "Content-Length: 5", "Transfer-Encoding: chunked"], 400),
        (["GET / HTTP/1.1", HOST, "Transfer-Encoding: gzip"], 501),
        (["GET / HTTP/1.1", HOST, "Expect: 200-ok"], 417),
    ],
)
async def test_what_is_malformed_is_refused_with_a_text(port: int, lines: list[str], status: int) -> None:
    refusal, *_ = await answers(port, head_of(*lines))
    head, _, text = refusal.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert text.endswith(b"\n")
    assert len(text) < 300


@pytest.mark.parametrize("start", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b" GET /"])
async def test_what_cannot_become_a_request_is_refused_before_its_end(port: int, start: bytes) -> None:
    client = await connect(port)
    client.writer.write(start)
    assert (await client.reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 400 ")
    await client.close()


async def test_a_head_of_more_than_16_kib_is_refused(port: int) -> None:
    def head(length: int) -> bytes:
        filling = length - len(head_of("GET / HTTP/1.1", HOST, "A: "))
        return head_of("GET / HTTP/1.1", HOST, "A: " + "a" * filling)

    (answer,) = await answers(port, head(MOST_HEAD))
    assert what_was_asked(answer)["path"] == "/"
    (refusal,) = await answers(port, head(MOST_HEAD + READ_AT_ONCE + 1) + NEXT)
    assert refusal.startswith(b"HTTP/1.1 431 ")
    assert refusal.endswith(b"more than 16384 bytes before the body\n")


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_client_that_ends_before_its_request_does_gets_no_answer(port: int, start: bytes) -> None:
    assert await answers(port, start) == []


HEADS = st.binary(max_size=200) | st.lists(
    st.sampled_from(
        [b"GET", b" ", b"/", b"http://", b"[", b"%", b"?a=%ff", b" HTTP/1.1", b"\r\n", b"Host: ", b"\xff", b"9" * 30]
    ),
    max_size=20,
).map(b"".join)


@given(HEADS)
@example(b"GET http://[::1 HTTP/1.1\r\nHost: x")
@example(b"GET / HTTP/1.1\r\nHost: \xff\xfe")
@example(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999")
async def test_any_bytes_are_a_request_or_refused(head: bytes) -> None:
    http = h11.Connection(h11.SERVER)
    http.receive_data(head + b"\r\n\r\n")
    with suppress(h11.RemoteProtocolError, RefusedError):
        read = http.next_event()
        assert isinstance(read, h11.Request)
        request = read_request(read, "127.0.0.1")
        assert "\r" not in "".join(request.headers.values())
