"""A peer on loopback that says all it has to say, and ends its side."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import TypeVar

from tests.fuzz.loop import close_at_end, the_loop
from tidegate.core.address import Address
from tidegate.link.sockets import RESET_ON_CLOSE

T = TypeVar("T")
Heard = Callable[[bytes], bytes]
LONGEST_REQUEST = 64 * 1024


async def with_peer(pieces: Sequence[bytes], ask: Callable[[Address], Awaitable[T]], after: Heard | None = None) -> T:
    """The result of `ask`, with the address of a peer that sends these pieces one by one.

    With `after`, the peer hears one request first, and sends what `after` makes of it before the pieces.
    """
    listener = _listener()
    asking = asyncio.ensure_future(ask(Address(*listener.getsockname())))
    sock, _ = await the_loop().sock_accept(listener)
    sock.setsockopt(*RESET_ON_CLOSE)  # or so many connections would use up the ports
    with sock:
        with suppress(OSError):  # the other side may have heard enough
            await _say(sock, pieces, after)
        return await asking


async def _say(sock: socket.socket, pieces: Sequence[bytes], after: Heard | None) -> None:
    if after is not None:
        await the_loop().sock_sendall(sock, after(await the_loop().sock_recv(sock, LONGEST_REQUEST)))
    for piece in pieces:
        await the_loop().sock_sendall(sock, piece)
        await asyncio.sleep(0)
    sock.shutdown(socket.SHUT_WR)


@cache
def _listener() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    close_at_end(sock.close)
    return sock
