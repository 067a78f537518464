"""Probe kind `tcp`: a connection can be opened."""

import asyncio
import socket

from app.control.health.request import ProbeRequest


async def probe(request: ProbeRequest) -> None:
    """Open a connection and close it. Raises OSError."""
    family = socket.AF_INET6 if ":" in request.address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        await asyncio.get_running_loop().sock_connect(sock, tuple(request.address))
