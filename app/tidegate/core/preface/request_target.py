"""The target of an HTTP/1 request: which of its four forms it has, and the host and path in it (RFC 9112, section 3.2)."""

import re
from typing import Final, NamedTuple

from tidegate.core.preface.authority import has_port, host_of
from tidegate.core.preface.outcome import MalformedError

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]+)(.*)", re.ASCII)
BAD: Final = "an HTTP request with an invalid target"


class Target(NamedTuple):
    """The path without its query, and the host of a target that names one; None if the field Host names it."""

    path: str
    host: str | None


def read_target(method: str, target: str) -> Target:
    """The parts of a target. Raises MalformedError.

    The path is as the client wrote it: neither decoded nor normalised. It is `*` for a whole server, and empty for CONNECT.
    """
    if "#" in target:
        raise MalformedError(BAD)
    if method == "CONNECT":
        if not has_port(target):
            raise MalformedError(BAD)
        return Target("", _named(target))
    if target.startswith("/"):
        return Target(_path(target), None)
    if target == "*" and method == "OPTIONS":
        return Target("*", None)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise MalformedError(BAD)
    return Target(_path(absolute[2]) or "/", _named(absolute[1]))


def _path(target: str) -> str:
    return target.partition("?")[0]


def _named(authority: str) -> str:
    """The host, which may not be empty. A user before it is refused (RFC 9110, section 4.2.4)."""
    host = host_of(authority)
    if not host:
        raise MalformedError("an HTTP request with an empty host")
    return host
