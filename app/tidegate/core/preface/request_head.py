"""The head of an HTTP/1 request: method, host and path (RFC 9112).

The facts come with the end of the head, though the host may be there before: a second field Host could follow, and must be
refused (RFC 9112, section 3.2). If the proxy took the first and a backend the last one, they would disagree about the host.
For the same reason a CR or LF alone, folded fields, and space before a colon are refused.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from tidegate.core.preface.authority import host_of
from tidegate.core.preface.outcome import NOT_THIS, Incomplete, Malformed, MalformedError, NotThis
from tidegate.core.preface.request_target import read_target

LONGEST_REQUEST_HEAD: Final = 16384
"""Bytes of a head with its last CRLF, as in HAProxy and Node: cookies and tokens need more than 8 KiB now and then.

It is also as much as a ClientHello may have, so that one buffer is enough for both.
"""

CRLF: Final = b"\r\n"
END: Final = b"\r\n\r\n"
VERSIONS: Final = (b"HTTP/1.1\r\n", b"HTTP/1.0\r\n")
LONGEST_VERSION: Final = 10
ALLOWED: Final = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
"""The bytes of fields (RFC 9110, section 5.5)."""

_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(rb"[!-~]+")


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What a request asks for. The host is in lower case and without port; it is empty if the client names none.

    The path is as the client wrote it, without the query: `*` for a whole server, empty for CONNECT.
    """

    method: str
    target: str
    host: str
    path: str


class RequestLine(NamedTuple):
    """The parts of a request line, and what follows it, from its CRLF on."""

    method: str
    target: str
    rest: bytes


def read_request_head(data: bytes) -> RequestHead | Incomplete | NotThis | Malformed:
    """Read the head at the beginning of a stream. Empty lines before it are ignored (RFC 9112, section 2.2).

    What does not begin with a method and a line of HTTP/1 is another protocol, HTTP/2 too. A line of HTTP/1 that is not as
    it should be is malformed: a server may understand it all the same, and it must not lead past the routes.
    """
    data = data[:LONGEST_REQUEST_HEAD]
    begun = data.lstrip(CRLF)
    if not begun and len(data) < LONGEST_REQUEST_HEAD:
        return Incomplete(len(data) + 1)
    try:
        head = _head(begun)
    except MalformedError as error:
        return Malformed(str(error))
    if head is not None:
        return head
    if len(data) == LONGEST_REQUEST_HEAD:
        return Malformed("the head of an HTTP request of more than 16 KiB")
    return Incomplete(len(data) + 1)


def _head(data: bytes) -> RequestHead | NotThis | None:
    """The facts; None while the head is incomplete. Raises MalformedError."""
    line = _request_line(data)
    if not isinstance(line, RequestLine):
        return line
    end = line.rest.find(END)
    fields = line.rest if end < 0 else line.rest[: end + len(CRLF)]
    if _has_bad_byte(fields):
        raise MalformedError("an HTTP request with a control character, or with a CR or LF alone")
    if end < 0:
        return None
    path, named = read_target(line.method, line.target)
    host = _host(fields.split(CRLF)[1:-1])
    return RequestHead(line.method, line.target, host if named is None else named, path)


def _request_line(data: bytes) -> RequestLine | NotThis | None:
    method, _, after = data.partition(b" ")
    target, ended, version = after.partition(b" ")
    if not _METHOD.fullmatch(method):
        return NOT_THIS
    if (target or ended) and not _TARGET.fullmatch(target):
        return _other_line(data)
    if version.startswith(VERSIONS):
        return RequestLine(method.decode("ascii"), target.decode("ascii"), version[LONGEST_VERSION - len(CRLF) :])
    if any(known.startswith(version) for known in VERSIONS):
        return None
    if version[: LONGEST_VERSION - len(CRLF)] + CRLF in VERSIONS:
        raise MalformedError("an HTTP request whose first line does not end with CRLF")
    return _other_line(data)


def _other_line(data: bytes) -> NotThis | None:
    """None until the first line is there, unless it is longer than any. Raises MalformedError if it is one of HTTP/1."""
    line, ended, _ = data.partition(b"\n")
    if b"HTTP/1." in line.upper():
        raise MalformedError("an HTTP request whose first line is not a method, a target and HTTP/1.1 or HTTP/1.0")
    return NOT_THIS if ended else None


def _has_bad_byte(fields: bytes) -> bool:
    """Whether there is a control character. A CR at the end may belong to a CRLF, others may not."""
    return fields.removesuffix(b"\r").replace(CRLF, b"").translate(None, ALLOWED) != b""


def _host(lines: list[bytes]) -> str:
    """The host in the field Host; empty without one. Each field is checked."""
    hosts = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise MalformedError("an HTTP request with a malformed field")
        if name.lower() == b"host":
            hosts.append(value.strip(b" \t"))
    if len(hosts) > 1:
        raise MalformedError("an HTTP request with two fields Host")
    return host_of(hosts[0].decode("latin-1")) if hosts else ""
