"""The answer of a server that upgrades to WebSocket."""

import re
from base64 import b64encode
from hashlib import sha1

from tidegate.control.health.kinds.websocket import GUID

_KEY = re.compile(rb"Sec-WebSocket-Key: (\S+)")


def upgraded(request: bytes) -> bytes:
    """The beginning of an answer that accepts the key of this request; further headers may follow."""
    key = _KEY.search(request)
    assert key is not None
    accept = b64encode(sha1(key[1] + GUID, usedforsecurity=False).digest())
    return b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + accept + b"\r\n"
