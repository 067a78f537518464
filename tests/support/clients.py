"""Plain TCP clients inside the test's own process, one or thousands."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

DIALS_AT_ONCE = 200


class Client:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @property
    def address(self) -> str:
        """Its own address, as the proxy logs it."""
        host, port = self.writer.get_extra_info("sockname")[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def ask(self, payload: bytes) -> bytes:
        """Send, and read as many bytes as were sent."""
        self.writer.write(payload)
        await self.writer.drain()
        return await self.reader.readexactly(len(payload))

    async def finish(self) -> bytes:
        """Say that nothing more will be sent, and read what is left until the clean end."""
        self.writer.write_eof()
        rest = await self.reader.read()
        await self.close()
        return rest

    async def end(self) -> str:
        """Wait for the end and say how it came: `eof` or `reset`."""
        try:
            while await self.reader.read(65536):
                pass
        except OSError:
            return "reset"
        return "eof"

    async def close(self) -> None:
        """Close, with a reset where bytes are left unread."""
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


async def connect(port: int, *, host: str = "127.0.0.1", source: str | None = None) -> Client:
    """One client; `source` is the loopback address that it comes from."""
    local = None if source is None else (source, 0)
    return Client(*await asyncio.open_connection(host, port, local_addr=local))


@asynccontextmanager
async def clients(port: int, count: int) -> AsyncIterator[Sequence[Client]]:
    """So many clients, connected a few hundred at a time, and all closed at the end."""
    connected: list[Client] = []
    try:
        while len(connected) < count:
            batch = min(DIALS_AT_ONCE, count - len(connected))
            connected += await asyncio.gather(*(connect(port) for _ in range(batch)))
        yield connected
    finally:
        await asyncio.gather(*(client.close() for client in connected))


async def ask_all(connected: Sequence[Client]) -> int:
    """Let each client send a payload of its own and count those that got exactly theirs back."""
    payloads = [f"client {number} says {number * 7919}\n".encode() for number in range(len(connected))]
    answers = await asyncio.gather(
        *(client.ask(payload) for client, payload in zip(connected, payloads, strict=True)), return_exceptions=True
    )
    return sum(answer == payload for answer, payload in zip(answers, payloads, strict=True))
