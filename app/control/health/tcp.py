"""Probe kind `tcp`: a connection can be opened."""

import asyncio
import socket

from app.control.health.target import Target


async def probe(target: Target) -> None:
    """Open a connection and close it. Raises OSError."""
    family = socket.AF_INET6 if ":" in target.address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        await asyncio.get_running_loop().sock_connect(sock, tuple(target.address))
