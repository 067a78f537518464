"""A request of HTTP/1, read from the bytes of its head; sans-I/O. No route has a use for a body."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from tidegate.control.admin.answer import RefusedError

MOST_LINE = 8190
_LINE = re.compile(r"([!-~]+) ([!-~]+) HTTP/1\.([01])")
_METHOD = re.compile(r"[A-Z]{1,20}")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Request:
    """A request from the address `peer`. Names of headers are in lower case. Of equal parameters, the first counts."""

    method: str
    path: str
    query: Mapping[str, str]
    version: str
    headers: Mapping[str, str]
    peer: str

    @property
    def has_body(self) -> bool:
        """Whether bytes of a body follow the head."""
        return "transfer-encoding" in self.headers or int(self.headers.get("content-length", "0")) > 0

    @property
    def is_last(self) -> bool:
        """Whether the connection ends after the answer. It does after a request with a body, which is not read."""
        wishes = {wish.strip().lower() for wish in self.headers.get("connection", "").split(",")}
        return self.has_body or "close" in wishes or (self.version == "HTTP/1.0" and "keep-alive" not in wishes)


def read_request(head: bytes, peer: str) -> Request:
    """Read the head of a request, without the empty line at its end. Raises RefusedError that says what is wrong."""
    first, *rest = head.split(b"\r\n")
    if len(first) > MOST_LINE:
        raise RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG, "the request line is too long\n")
    match = _LINE.fullmatch(_text(first))
    if match is None or not _METHOD.fullmatch(match[1]):
        raise _bad("this is no request of HTTP/1.0 or HTTP/1.1")
    headers = _headers(rest)
    try:
        target = urlsplit(match[2])
    except ValueError:
        raise _bad("the target of the request is no URL") from None
    query: dict[str, str] = {}
    for name, value in parse_qsl(target.query, keep_blank_values=True):
        query.setdefault(name, value)
    return Request(match[1], unquote(target.path), query, f"HTTP/1.{match[3]}", headers, peer)


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        if len(line) > MOST_LINE:
            raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "a header is too long\n")
        match = _HEADER.fullmatch(_text(line))
        if match is None:
            raise _bad("a header is not well-formed")
        name = match[1].lower()
        headers[name] = f"{headers[name]}, {match[2]}" if name in headers else match[2]
    length = headers.get("content-length")
    if length is not None and (not _LENGTH.fullmatch(length) or "transfer-encoding" in headers):
        raise _bad("the Content-Length is no number, or there is a Transfer-Encoding, too")
    if headers.get("expect", "100-continue").lower() != "100-continue":
        raise RefusedError(HTTPStatus.EXPECTATION_FAILED, "only 100-continue may be expected\n")
    return headers


def _text(line: bytes) -> str:
    if _CONTROL.search(line):
        raise _bad("there are control characters in it")
    return line.decode(errors="surrogateescape")


def _bad(reason: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, f"{reason}\n")
