"""The head of an HTTP/1 request from a client."""

import h11

from tests.fuzz.reasons import check_reason
from tests.fuzz.streams import cuts_of
from tests.support.first_bytes import check_growing
from tidegate.core.preface.authority import LONGEST_HOST
from tidegate.core.preface.outcome import Incomplete, Malformed
from tidegate.core.preface.request_head import LONGEST_REQUEST_HEAD, RequestHead, read_request_head

WORDS = [
    b"GET ",
    b"CONNECT ",
    b"OPTIONS * ",
    b"/?",
    b"http://a",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b"\r\nHost: ",
    b"\r\n\r\n",
    b"[::1]:80",
]


def target(data: bytes) -> None:
    """Read a head: a host and a path that can be shown, and the same as another reader of HTTP finds."""
    head = check_growing(read_request_head, data, cuts_of(data))
    if isinstance(head, Malformed):
        check_reason(head.reason, 100)
    elif isinstance(head, Incomplete):
        assert head.needed <= LONGEST_REQUEST_HEAD
    elif isinstance(head, RequestHead):
        assert len(head.host) <= LONGEST_HOST
        for text in (head.method, head.target, head.host, head.path):
            assert text.isascii()
            assert text.isprintable()
        _compare(data, head)


def _compare(data: bytes, head: RequestHead) -> None:
    """What h11 accepts, it understands alike. It wants a Host in HTTP/1.1, and no bytes but those of the RFC."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(data.removeprefix(b"\r\n"))
    try:
        request = server.next_event()
    except h11.RemoteProtocolError:
        return
    assert isinstance(request, h11.Request), request
    assert (request.method.decode(), request.target.decode()) == (head.method, head.target)
    hosts = [value.decode().lower() for name, value in request.headers if name == b"host"]
    assert len(hosts) <= 1
    if hosts and head.target.startswith(("/", "*")) and not hosts[0].startswith("["):
        assert hosts[0].partition(":")[0].removesuffix(".") == head.host
