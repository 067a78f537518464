"""The name of a server that a client asks for by TLS."""

import re
from typing import Final

LONGEST_NAME: Final = 253
_NAME = re.compile(rb"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?![0-9]+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def server_name(name: bytes) -> str:
    """The name in lower case and without a dot at its end; empty if it is not a host name (RFC 6066, section 3).

    IP addresses are not allowed there, and what ends in a number would be one (RFC 3696, section 2).
    """
    lower = name.lower().removesuffix(b".")
    return lower.decode("ascii") if len(lower) <= LONGEST_NAME and _NAME.fullmatch(lower) else ""
