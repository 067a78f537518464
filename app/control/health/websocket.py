"""Probe kind `websocket`: an HTTP request is upgraded to a WebSocket (RFC 6455)."""

import aiohttp

from app.control.health.client import session
from app.control.health.target import ProbeError, Target


async def probe(target: Target) -> None:
    """Upgrade and drop the connection. Raises ProbeError, OSError or aiohttp.ClientError."""
    async with session(target.host_header) as client:
        try:
            await client.ws_connect(target.url("ws"), timeout=aiohttp.ClientWSTimeout(ws_close=0))
        except aiohttp.WSServerHandshakeError as error:
            raise ProbeError(handshake_failure(error)) from error


def handshake_failure(error: aiohttp.WSServerHandshakeError) -> str:
    """Why an upgrade was not one."""
    if error.status == 101:
        return f"the answer to the upgrade is not valid: {error.message}"
    return f"expected status 101, got {error.status}"
