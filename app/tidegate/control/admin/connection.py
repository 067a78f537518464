"""A connection of the admin port: h11 speaks HTTP; bytes, bounds and the order of things are here."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus

import h11

from tidegate.control.admin.answer import Answer, RefusedError, text_answer
from tidegate.control.admin.body import send, write
from tidegate.control.admin.request import Request, read_request

MOST_HEAD, READ_AT_ONCE = 16 * 1024, 1024
"""Bytes of a head, which may end in the last read beyond it, and of a read."""

MOST_UNREAD, UNREAD_TIMEOUT = 1024 * 1024, 2.0
"""Bytes and seconds for which a client may go on sending after the last answer. Closing at once would be a reset, which
could overtake the answer."""

MOST_TEXT = 200
_NOT_READ_TO_ITS_END = (h11.SEND_BODY, h11.ERROR)

Answerer = Callable[[Request], Awaitable[Answer]]


class Connection:
    """One connection. `answer` makes the answer to a request. The caller closes the connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answerer) -> None:
        self._reader, self._writer, self._answer = reader, writer, answer
        self._http = h11.Connection(h11.SERVER, MOST_HEAD)
        peer = writer.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""

    async def serve(self) -> None:
        """Answer until either side ends the connection. Raises OSError if it breaks."""
        while self._http.our_state is h11.IDLE:
            try:
                head = await self._read_head()
            except h11.RemoteProtocolError as error:
                await self._write(_malformed(error))
                break
            if head is None:
                return  # the client has ended it
            await self._serve_request(head)
        self._writer.write_eof()
        await self._take_unread()

    async def _read_head(self) -> h11.Request | None:
        """Read the head of the next request; None if the client sends no whole one any more."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(READ_AT_ONCE)
            if not data:
                return None
            self._http.receive_data(data)
        assert isinstance(event, h11.Request)
        return event

    async def _serve_request(self, head: h11.Request) -> None:
        with suppress(h11.RemoteProtocolError):
            self._http.next_event()  # the end of the request. What comes instead is of a body, which no route reads
        try:
            answer = await self._answer(read_request(head, self._peer))
        except RefusedError as error:
            answer = error.answer
        await self._write(answer, head)
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()

    async def _write(self, answer: Answer, head: h11.Request | None = None) -> None:
        """Write an answer, to a malformed request if None. It is the last one unless the request was read to its end."""
        is_last = self._http.their_state in _NOT_READ_TO_ITS_END
        write(self._http.send(answer.head(is_last=is_last)), self._writer)
        if head is None or head.method != b"HEAD":
            await send(self._framed(answer.body), self._writer)
        write(self._http.send(h11.EndOfMessage()), self._writer)

    def _framed(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """The body as it is sent. Its chunks are not copied, as their length was announced."""
        for chunk in body:
            yield self._http.send(h11.Data(data=chunk))

    async def _take_unread(self) -> None:
        left = MOST_UNREAD
        try:
            async with asyncio.timeout(UNREAD_TIMEOUT):
                while left > 0 and (data := await self._reader.read(MOST_HEAD)):
                    left -= len(data)
        except TimeoutError:
            return


def _malformed(error: h11.RemoteProtocolError) -> Answer:
    status = HTTPStatus(error.error_status_hint)
    if status is HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
        return text_answer(f"more than {MOST_HEAD} bytes before the body\n", status)
    return text_answer(f"this is no request of HTTP/1: {str(error)[:MOST_TEXT]}\n", status)
