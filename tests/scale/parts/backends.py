"""Backends that check every byte: they answer so many bytes as they receive, each session of a pattern of its own.

The first eight bytes of a session are its number. What comes must be the pattern of the number, what goes is that of the
number after it, so the client checks as much.
"""

import asyncio
from collections import Counter
from typing import cast

import uvloop

from tests.faults.pattern import Pattern, WrongBytesError
from tests.scale.parts.commands import Json, obey

HEAD = 8  # bytes
BACKLOG = 4096


class CheckedSession(asyncio.Protocol):
    """One session. `seen` counts the sessions of the process."""

    def __init__(self, seen: Counter[str]) -> None:
        self._seen = seen
        self._head = b""
        self._received: Pattern | None = None
        self._answer: Pattern | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self._seen["sessions"] += 1
        self._seen["live"] += 1

    def data_received(self, data: bytes) -> None:
        """Check, and answer as much."""
        if self._received is None or self._answer is None:
            self._head += data
            if len(self._head) < HEAD:
                return
            number = int.from_bytes(self._head[:HEAD], "big")
            self._received, self._answer = Pattern(number), Pattern(number + 1)
            data = self._head[HEAD:]
        try:
            self._received.check(memoryview(data))
        except WrongBytesError:
            self._seen["wrong"] += 1
            self._transport.abort()
            return
        self._transport.write(bytes(self._answer.piece(len(data))))
        self._answer.position += len(data)
        self._seen["bytes"] += len(data)

    def connection_lost(self, error: Exception | None) -> None:
        """Count how it ended: a client that leaves ends the session cleanly."""
        self._seen["live"] -= 1
        self._seen["broken"] += error is not None


async def main() -> None:
    """Serve on a free port of all loopback addresses."""
    seen: Counter[str] = Counter()
    server = await asyncio.get_running_loop().create_server(lambda: CheckedSession(seen), "0.0.0.0", 0, backlog=BACKLOG)

    async def port() -> Json:
        return {"port": server.sockets[0].getsockname()[1]}

    async def counts() -> Json:
        return dict(seen)

    await obey({"port": port, "counts": counts})


if __name__ == "__main__":
    uvloop.run(main())
