"""Waiting for a socket, and what a kernel knows of it."""

import asyncio
import ctypes
import fcntl
import socket
import struct
import termios
from collections.abc import Callable

from tests.support.peers import BPF_RET, RESET, SO_ATTACH_FILTER

SO_DETACH_FILTER = 27
TCP_CLOSE = 7  # the first byte of TCP_INFO after a reset


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


def unacknowledged(sock: socket.socket) -> int:
    """Bytes sent that the kernel at the other end has not taken yet; ConnectionResetError when it never will."""
    if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE:
        raise ConnectionResetError
    return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), "little")


def break_off(sock: socket.socket) -> None:
    """Close, so that the other end gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


def drop_nothing(sock: socket.socket) -> None:
    """Take back `drop_all`."""
    sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def drop_all(sock: socket.socket) -> None:
    """Let the kernel drop whatever comes, and so acknowledge nothing."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RET, 0, 0, 0))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
