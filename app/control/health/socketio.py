"""Probe kind `socketio`: an Engine.IO 4 handshake returns a session id.

Over WebSocket, so that the session ends with the connection: one opened by long-polling would stay on the server until its
ping times out, and with one probe every three seconds there would always be some that no one uses.
Source: the Engine.IO protocol, version 4: the first packet is `0` and a JSON object with `sid`.
"""

import aiohttp
import orjson

from app.control.health.client import session
from app.control.health.target import ProbeError, Target
from app.control.health.websocket import handshake_failure

MOST_PACKET = 64 * 1024


async def probe(target: Target) -> None:
    """Shake hands and drop the connection. Raises ProbeError, OSError or aiohttp.ClientError."""
    separator = "&" if "?" in (target.settings.path or "") else "?"
    url = f"{target.url('ws')}{separator}EIO=4&transport=websocket"
    async with session(target.host_header) as client:
        try:
            websocket = await client.ws_connect(url, timeout=aiohttp.ClientWSTimeout(ws_close=0), max_msg_size=MOST_PACKET)
        except aiohttp.WSServerHandshakeError as error:
            raise ProbeError(handshake_failure(error)) from error
        message = await websocket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT or not _has_session_id(message.data):
            raise ProbeError("expected an Engine.IO handshake with a session id, got something else")


def _has_session_id(packet: str) -> bool:
    if not packet.startswith("0"):
        return False
    try:
        handshake = orjson.loads(packet[1:])
    except orjson.JSONDecodeError:
        return False
    return isinstance(handshake, dict) and isinstance(handshake.get("sid"), str) and bool(handshake["sid"])
