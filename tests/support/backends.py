"""Backends inside the test's own process: they echo, stay silent, or answer what they are told, and can go and come back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic

from tidegate.core.address import join_address
from tidegate.core.unix_socket import is_unix, path_of

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

READ_SIZE = 65536
LARGEST_REQUEST = 65536


class TestBackend:
    """A server at an IP address, or a Unix socket, that keeps its port while it is stopped.

    `accepted_at` has the monotonic time of each connection.
    """

    __test__ = False

    def __init__(self, behaviour: Behaviour, host: str) -> None:
        self.behaviour, self.host = behaviour, host
        self.port = 0
        self.accepted_at: list[float] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def name(self) -> str:
        """What the proxy calls it."""
        return join_address(self.host, self.port)

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._writers)

    async def start(self) -> None:
        """Listen, on the same port as before."""
        if is_unix(self.host):
            self._server = await asyncio.start_unix_server(self._connected, path_of(self.host))
            return
        self._server = await asyncio.start_server(self._connected, self.host, self.port, backlog=4096, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and reset every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.accepted_at.append(monotonic())
        try:
            with suppress(OSError, EOFError, asyncio.CancelledError):
                await self.behaviour(reader, writer)
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            with suppress(OSError, asyncio.CancelledError):
                writer.close()
                await writer.wait_closed()


@asynccontextmanager
async def running_backend(behaviour: Behaviour, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[TestBackend]:
    """A backend on this port, or one that the system chooses; stopped with all its connections at the end."""
    backend = TestBackend(behaviour, host)
    backend.port = port
    await backend.start()
    try:
        yield backend
    finally:
        await backend.stop()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, and the end after it."""
    while data := await reader.read(READ_SIZE):
        writer.write(data)
        await writer.drain()


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take everything and say nothing."""
    while await reader.read(READ_SIZE):
        pass


def answering(answer: bytes, *, requests: list[bytes] | None = None) -> Behaviour:
    """Read one HTTP request, keep it in `requests`, answer these bytes, and close."""

    async def answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if requests is not None:
            requests.append(request)
        writer.write(answer)
        await writer.drain()

    return answer_one


def http_answer(status: str, *headers: str, body: str = "") -> bytes:
    """An HTTP answer with this status line, such as `200 OK`."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", body]).encode()
