"""Sends answers, their bodies in pieces at the reader's pace. Answers share the bytes instead of copying them."""

import asyncio
from collections.abc import Iterable, Iterator
from time import monotonic

from tidegate.link.sockets import RESET_ON_CLOSE

SENT_IN_A_TURN, SHORTEST_PIECE = 1024 * 1024, 64 * 1024
"""Bytes that all answers together send in one turn of the event loop, and the least that each of them sends."""

READ_TIMEOUT = 10.0
"""Seconds in total that an answer waits for its reader. The limit is short because meanwhile an old text stays in memory."""

_under_way: set[asyncio.StreamWriter] = set()


def write(data: bytes | memoryview, writer: asyncio.StreamWriter) -> None:
    """Write to a connection. Raises ConnectionResetError if it is closed, where uvloop raises RuntimeError."""
    if writer.is_closing():
        raise ConnectionResetError("the connection is closed")
    writer.write(data)


async def send(chunks: Iterable[bytes], writer: asyncio.StreamWriter) -> None:
    """Send a whole body. If the reader is too slow, reset its connection and raise ConnectionResetError."""
    _under_way.add(writer)
    left = READ_TIMEOUT
    try:
        for piece in _pieces(chunks):
            before = monotonic()
            async with asyncio.timeout(left):
                write(piece, writer)
                await writer.drain()
            left -= monotonic() - before  # counts only the wait for the reader, not control's other work
            if len(piece) >= SHORTEST_PIECE:
                await asyncio.sleep(0)
    except TimeoutError:
        _cut_off(writer)
        raise ConnectionResetError("the answer was not read in time") from None
    finally:
        _under_way.discard(writer)


def _pieces(chunks: Iterable[bytes]) -> Iterator[memoryview]:
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            length = max(SHORTEST_PIECE, SENT_IN_A_TURN // len(_under_way))
            yield rest[:length]
            rest = rest[length:]


def _cut_off(writer: asyncio.StreamWriter) -> None:
    """Reset the connection, so that the kernel frees its send buffer, too."""
    writer.get_extra_info("socket").setsockopt(*RESET_ON_CLOSE)
    writer.transport.abort()
