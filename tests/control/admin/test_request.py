"""Requests of HTTP/1 read from bytes: what they ask, and what is refused."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.control.admin.answer import RefusedError
from tidegate.control.admin.request import MOST_LINE, Request, read_request


def read(*lines: str) -> Request:
    return read_request("\r\n".join(lines).encode(), "127.0.0.1")


def test_a_request_has_path_parameters_and_headers() -> None:
    request = read("GET /status?pool=a%20b&state=&pool=c HTTP/1.1", "Host: x:9000", "ACCEPT:  text/plain ", "Accept: */*")
    assert (request.method, request.path, request.query) == ("GET", "/status", {"pool": "a b", "state": ""})
    assert request.headers == {"host": "x:9000", "accept": "text/plain, */*"}
    assert read("GET http://x:9000/status?pool=a HTTP/1.1", "Host: y").path == "/status"


@pytest.mark.parametrize(
    ("lines", "is_last"),
    [
        (["GET / HTTP/1.1"], False),
        (["GET / HTTP/1.1", "Connection: Close"], True),
        (["GET / HTTP/1.1", "Connection: x, close"], True),
        (["GET / HTTP/1.0"], True),
        (["GET / HTTP/1.0", "Connection: Keep-Alive"], False),
        (["POST / HTTP/1.1", "Content-Length: 0"], False),
        (["POST / HTTP/1.1", "Content-Length: 5"], True),
        (["POST / HTTP/1.1", "Transfer-Encoding: chunked"], True),
    ],
)
def test_a_connection_ends_as_asked_and_after_a_body(lines: list[str], is_last: bool) -> None:  # noqa: FBT001
    assert read(*lines).is_last is is_last


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET  / HTTP/1.1"], 400),
        (["get / HTTP/1.1"], 400),
        (["GET / HTTP/2.0"], 400),
        (["GET /\x00 HTTP/1.1"], 400),
        (["GET //[ HTTP/1.1"], 400),
        (["GET / HTTP/1.1", "no colon"], 400),
        (["GET / HTTP/1.1", "name : value"], 400),
        (["GET / HTTP/1.1", "A: b", " continued: line"], 400),
        (["GET / HTTP/1.1", "A: b\nC: d"], 400),
        (["GET / HTTP/1.1", "Content-Length: 5", "Content-Length: 6"], 400),
        (["GET / HTTP/1.1", "Content-Length: ²"], 400),
        (["GET / HTTP/1.1", "Expect: 200-ok"], 417),
        (["GET /" + "a" * MOST_LINE + " HTTP/1.1"], 414),
        (["GET / HTTP/1.1", "A: " + "b" * MOST_LINE], 431),
    ],
)
def test_what_is_malformed_or_too_long_is_refused(lines: list[str], status: int) -> None:
    with pytest.raises(RefusedError) as refusal:
        read(*lines)
    assert refusal.value.answer.status == status


HEADS = st.binary(max_size=200) | st.lists(
    st.sampled_from(
        [b"GET", b" ", b"/", b"http://", b"[", b"%", b"?a=%ff", b" HTTP/1.1", b"\r\n", b"Host: ", b"\xff", b"9" * 30]
    ),
    max_size=20,
).map(b"".join)


@given(HEADS)
@example(b"GET http://[::1 HTTP/1.1")
@example(b"GET / HTTP/1.1\r\nContent-Length: 999999999999999999")
def test_any_bytes_are_a_request_or_refused(head: bytes) -> None:
    with suppress(RefusedError):
        request = read_request(head, "127.0.0.1")
        assert isinstance(request.is_last, bool)
        assert "\r" not in "".join(request.headers.values())
