"""A connection of the admin port: reads requests, one after the other, and writes their answers."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from tidegate.control.admin.answer import Answer, RefusedError
from tidegate.control.admin.body import send
from tidegate.control.admin.request import Request, read_request

MOST_HEAD = 16 * 1024
END_OF_HEAD = b"\r\n\r\n"
MOST_UNREAD, UNREAD_TIMEOUT = 1024 * 1024, 2.0
"""Bytes and seconds for which a client may go on sending after the last answer. Closing at once would be a reset, which
could overtake the answer."""

Answerer = Callable[[Request], Awaitable[Answer]]


class Connection:
    """One connection. `answer` makes the answer to a request. The caller closes the connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answerer) -> None:
        self._reader, self._writer, self._answer = reader, writer, answer
        peer = writer.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""

    async def serve(self) -> None:
        """Answer until either side ends the connection. Raises OSError if it breaks."""
        try:
            while await self._serve_one():
                pass
        except asyncio.IncompleteReadError:
            return  # the client has ended it
        self._writer.write_eof()
        await self._take_unread()

    async def _serve_one(self) -> bool:
        """Answer one request; returns whether there may be another one."""
        try:
            head = await self._reader.readuntil(END_OF_HEAD)
        except asyncio.LimitOverrunError:
            too_long = RefusedError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"more than {MOST_HEAD} bytes before the body\n"
            )
            return await self._write(too_long.answer)
        head = head.lstrip(b"\r\n")
        if not head:
            return True
        try:
            request = read_request(head[: -len(END_OF_HEAD)], self._peer)
        except RefusedError as error:
            return await self._write(error.answer)
        return await self._write(await self._answer(request), request)

    async def _write(self, answer: Answer, request: Request | None = None) -> bool:
        """Write an answer, to a malformed request if None; returns whether there may be another request."""
        is_last = request is None or request.is_last
        self._writer.write(answer.head(request.version if request else "HTTP/1.1", is_last=is_last))
        if request is None or request.method != "HEAD":
            await send(answer.body, self._writer)
        return not is_last

    async def _take_unread(self) -> None:
        left = MOST_UNREAD
        try:
            async with asyncio.timeout(UNREAD_TIMEOUT):
                while left > 0 and (data := await self._reader.read(MOST_HEAD)):
                    left -= len(data)
        except TimeoutError:
            return
