"""Probe kind `socketio`: an Engine.IO 4 handshake returns a session id.

It uses WebSocket, so that the session ends with the connection. A session opened by long-polling would stay on the server
until its ping times out; with a probe every three seconds, the server would always have some unused sessions.
Source: the Engine.IO protocol, version 4: the first packet is `0` and a JSON object with `sid`. Frames: RFC 6455, section 5.
"""

import struct

import orjson

from tidegate.control.health.connection import Connection
from tidegate.control.health.kinds.websocket import upgrade
from tidegate.control.health.request import ProbeError, ProbeRequest

MOST_PACKET = 16 * 1024
WHOLE_TEXT = 0x81  # one frame of text, the last of its message
LENGTH_IN_TWO_BYTES = 126


async def probe(request: ProbeRequest) -> None:
    """Do the handshake and close the connection. Raises ProbeError or OSError."""
    separator = "&" if "?" in request.settings.path else "?"
    async with upgrade(request, f"{request.settings.path}{separator}EIO=4&transport=websocket") as answer:
        packet = await _first_text(answer.connection)
        if not _has_session_id(packet):
            raise ProbeError("expected an Engine.IO handshake with a session id, got something else")


async def _first_text(connection: Connection) -> bytes:
    """Read the payload of the first frame. Empty if it is not a short text."""
    kind, length = await connection.exactly(2)
    if length == LENGTH_IN_TWO_BYTES:
        (length,) = struct.unpack("!H", await connection.exactly(2))
    if kind != WHOLE_TEXT or length > MOST_PACKET:
        return b""
    return await connection.exactly(length)


def _has_session_id(packet: bytes) -> bool:
    if not packet.startswith(b"0"):
        return False
    try:
        handshake = orjson.loads(packet[1:])
    except orjson.JSONDecodeError:
        return False
    return isinstance(handshake, dict) and isinstance(handshake.get("sid"), str) and bool(handshake["sid"])
