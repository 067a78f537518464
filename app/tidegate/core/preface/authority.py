"""`host[:port]` in the field Host and in the target of an HTTP request (RFC 9110, section 7.2; RFC 3986, section 3.2)."""

import re
from typing import Final

from tidegate.core.preface.outcome import MalformedError
from tidegate.core.preface.packed_address import packed, text_of

LONGEST_HOST: Final = 255
_AUTHORITY = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+)\]|((?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*))(:[0-9]{0,5})?", re.ASCII
)


def host_of(authority: str) -> str:
    """The host in lower case, without port, without a dot at its end, IPv6 without brackets; it may be empty.

    Raises MalformedError.
    """
    match = _AUTHORITY.fullmatch(authority) if len(authority) <= LONGEST_HOST else None
    if match is None:
        raise MalformedError("an HTTP request with an invalid host")
    literal, name = match[1], match[2]
    if literal is None:
        return str(name).lower().removesuffix(".")
    address = packed(literal) if ":" in literal else b""
    if not address:
        raise MalformedError("an HTTP request with an invalid host")
    return text_of(address)


def has_port(authority: str) -> bool:
    """Whether a valid authority has a port."""
    host, colon, port = authority.rpartition(":")
    return colon != "" and host != "" and port != "" and not port.endswith("]")
