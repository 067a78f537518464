"""Waiting for a socket, and for what it has sent to arrive."""

import asyncio
import socket
from collections.abc import Callable

from tests.support.sockets import unacknowledged
from tidegate.core.unix_socket import is_unix

TCP_CLOSE = 7  # the first byte of TCP_INFO after a reset


def family_of(host: str) -> socket.AddressFamily:
    """Of an IP address or a Unix socket."""
    if is_unix(host):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def readable(sock: socket.socket) -> None:
    """Wait until a receive, or an accept, does not block."""
    loop = asyncio.get_running_loop()
    await _once(loop.add_reader, loop.remove_reader, sock.fileno())


async def writable(sock: socket.socket) -> None:
    """Wait until a send does not block, or until a connection is made."""
    loop = asyncio.get_running_loop()
    await _once(loop.add_writer, loop.remove_writer, sock.fileno())


async def _once(add: Callable[..., None], remove: Callable[[int], object], descriptor: int) -> None:
    future = asyncio.get_running_loop().create_future()
    add(descriptor, _wake, future)
    try:
        await future
    finally:
        remove(descriptor)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def arriving(sock: socket.socket) -> int:
    """Bytes sent that the kernel at the other end has not taken yet; ConnectionResetError when it never will."""
    if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE:
        raise ConnectionResetError
    return unacknowledged(sock)
