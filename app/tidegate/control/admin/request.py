"""A request as the routes see it, made from the head that h11 has read."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from tidegate.control.admin.answer import RefusedError


@dataclass(frozen=True, slots=True)
class Request:
    """A request from the address `peer`. Names of headers are in lower case. Of equal parameters, the first counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    peer: str


def read_request(head: h11.Request, peer: str) -> Request:
    """Return what this head asks for. Raises RefusedError for what h11 lets pass and no route can answer."""
    if head.http_version not in (b"1.0", b"1.1"):
        raise _bad("expected HTTP/1.1 or HTTP/1.0")
    headers = _headers(head)
    try:
        target = urlsplit(head.target.decode())
    except ValueError:
        raise _bad("the target of the request is no URL") from None
    query: dict[str, str] = {}
    for name, value in parse_qsl(target.query, keep_blank_values=True):
        query.setdefault(name, value)
    return Request(head.method.decode(), unquote(target.path), query, headers, peer)


def _headers(head: h11.Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode(), raw_value.decode(errors="surrogateescape")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "content-length" in headers and "transfer-encoding" in headers:
        raise _bad("there are a Content-Length and a Transfer-Encoding")
    if headers.get("expect", "100-continue").lower() != "100-continue":
        raise RefusedError(HTTPStatus.EXPECTATION_FAILED, "only 100-continue may be expected\n")
    return headers


def _bad(reason: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, f"{reason}\n")
