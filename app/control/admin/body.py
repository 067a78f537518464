"""The body of a long answer: sent in pieces at the reader's pace, without a copy of its own."""

import asyncio
from collections.abc import Sequence

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from app.link.sockets import RESET_ON_CLOSE

PIECE = 256 * 1024
READ_TIMEOUT = 10.0
"""Seconds in which an answer must have been taken. Until then it keeps alive a text that others no longer get."""


class SharedBody(Payload):
    """Chunks of bytes that any number of answers may share."""

    def __init__(self, chunks: Sequence[bytes], request: web.Request, content_type: str) -> None:
        super().__init__(chunks, content_type=content_type)
        self._chunks, self._request = chunks, request
        self._size = sum(map(len, chunks))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it as text."""
        return b"".join(self._chunks).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send all of it; a reader that is too slow is cut off."""
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                for chunk in self._chunks:
                    for start in range(0, len(chunk), PIECE):
                        await writer.write(memoryview(chunk)[start : start + PIECE])
                        await asyncio.sleep(0)  # a reader that is always ready must not hold up the others
        except TimeoutError:
            self._cut_off()
            raise ConnectionResetError("the answer was not read in time") from None

    def _cut_off(self) -> None:
        """Reset the connection, so that the kernel keeps nothing for this reader either."""
        if transport := self._request.transport:
            transport.get_extra_info("socket").setsockopt(*RESET_ON_CLOSE)
            transport.abort()
