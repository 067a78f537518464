"""The body of a long answer, sent in pieces at the reader's pace. Answers share the bytes instead of copying them."""

import asyncio
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import ClassVar

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from tidegate.link.sockets import RESET_ON_CLOSE

SENT_IN_A_TURN, SHORTEST_PIECE = 1024 * 1024, 64 * 1024
"""Bytes that all answers together send in one turn of the event loop, and the least that each of them sends."""

READ_TIMEOUT = 10.0
"""Seconds in total that an answer waits for its reader. The limit is short because meanwhile an old text stays in memory."""


class SharedBody(Payload):
    """A body of chunks of bytes, which several answers may share."""

    _under_way: ClassVar[int] = 0

    def __init__(self, chunks: Sequence[bytes], request: web.Request, content_type: str) -> None:
        super().__init__(chunks, content_type=content_type)
        self._chunks, self._request = chunks, request
        self._size = sum(map(len, chunks))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The whole body as text."""
        return b"".join(self._chunks).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send the whole body. If the reader is too slow, reset its connection and raise ConnectionResetError."""
        SharedBody._under_way += 1
        left = READ_TIMEOUT
        try:
            for piece in self._pieces():
                before = monotonic()
                async with asyncio.timeout(left):
                    await writer.write(piece)
                left -= monotonic() - before  # counts only the wait for the reader, not control's other work
                await asyncio.sleep(0)
        except TimeoutError:
            self._cut_off()
            raise ConnectionResetError("the answer was not read in time") from None
        finally:
            SharedBody._under_way -= 1

    def _pieces(self) -> Iterator[memoryview]:
        for chunk in self._chunks:
            rest = memoryview(chunk)
            while rest:
                length = max(SHORTEST_PIECE, SENT_IN_A_TURN // SharedBody._under_way)
                yield rest[:length]
                rest = rest[length:]

    def _cut_off(self) -> None:
        """Reset the connection, so that the kernel frees its send buffer, too."""
        if transport := self._request.transport:
            transport.get_extra_info("socket").setsockopt(*RESET_ON_CLOSE)
            transport.abort()
