"""Probe kind `websocket`: the backend upgrades an HTTP request to a WebSocket (RFC 6455, section 4)."""

import os
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha1

from tidegate.control.health.exchange import Answer, get
from tidegate.control.health.request import ProbeError, ProbeRequest

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


async def probe(request: ProbeRequest) -> None:
    """Upgrade and close the connection. Raises ProbeError or OSError."""
    async with upgrade(request, request.settings.path):
        pass


@asynccontextmanager
async def upgrade(request: ProbeRequest, path: str) -> AsyncIterator[Answer]:
    """Upgrade a new connection. The frames of the backend can be read from the answer's connection."""
    key = b64encode(os.urandom(16))
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key.decode(),
    }
    async with get(request, path, headers) as answer:
        if answer.status != 101:
            raise ProbeError(f"expected status 101, got {answer.status}")
        if answer.headers.get("sec-websocket-accept") != _accept(key):
            raise ProbeError("the answer to the upgrade has not the Sec-WebSocket-Accept of its key")
        yield answer


def _accept(key: bytes) -> str:
    return b64encode(sha1(key + GUID, usedforsecurity=False).digest()).decode()
