"""Many clients in groups: they connect, exchange bytes that both sides check, and leave when told to."""

import asyncio
import itertools
import sys
from collections import defaultdict
from time import monotonic
from typing import cast

import uvloop

from tests.faults.pattern import Pattern, WrongBytesError
from tests.scale.parts.backends import HEAD
from tests.scale.parts.commands import Json, obey

AT_ONCE = 100  # clients that connect or leave
PAUSE = 0.03  # seconds, after as many
EACH = 10_000  # clients of one source address, which has some 28,000 ports
GIVE_UP = 10.0  # seconds without an answer


class Client(asyncio.Protocol):
    """One client. `number` is even and no other client's."""

    def __init__(self, number: int) -> None:
        self._head = number.to_bytes(HEAD, "big")
        self._sent, self._received = Pattern(number), Pattern(number + 1)
        self._answered: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self.leaves = self.is_wrong = self.is_lost = self.has_been_answered = False

    @property
    def is_connected(self) -> bool:
        """Whether it is, as far as its kernel says."""
        return self._transport is not None and not self.is_lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say nothing yet."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone

    async def exchange(self, size: int) -> float:
        """Send bytes and wait for as many; seconds it took. Raises TimeoutError or ConnectionError."""
        if self._transport is None or self.is_lost:
            raise ConnectionError
        began = monotonic()
        if self._answered is None:  # an earlier question may still wait
            self._answered = asyncio.get_running_loop().create_future()
            self._transport.write(self._head + self._sent.piece(size))
            self._head = b""
            self._sent.position += size
        async with asyncio.timeout(GIVE_UP):
            await asyncio.shield(self._answered)
        return monotonic() - began

    def data_received(self, data: bytes) -> None:
        """Check the answer."""
        try:
            self._received.check(memoryview(data))
        except WrongBytesError:
            self.is_wrong = True
        if self._received.position >= self._sent.position and self._answered is not None:
            self.has_been_answered = True
            if not self._answered.done():
                self._answered.set_result(None)
            self._answered = None

    def leave(self) -> None:
        """Close in order."""
        self.leaves = True
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """Lost, unless it has left."""
        self.is_lost = True
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionResetError())
            self._answered.exception()


class Crowd:
    """All clients of the process, in groups by name. Each process has other numbers and source addresses."""

    def __init__(self, place: int) -> None:
        self._numbers = itertools.count(place << 32, 2)
        self._sources = itertools.cycle(f"127.0.{place + 1}.{host}" for host in range(1, 9))
        self._groups: dict[str, list[Client]] = defaultdict(list)
        self._connecting: set[asyncio.Task[None]] = set()

    async def connect(self, group: str, count: int, port: int, seconds: float) -> Json:
        """Connect more clients, and wait for so many seconds at most: those that are not connected then go on trying.

        They begin one after the other: the kernel's queue between two peers of this machine drops what is more than 1,000
        packets at once (netdev_max_backlog), also of those that try again at the same moment.
        """
        limit = asyncio.Semaphore(AT_ONCE) if seconds > GIVE_UP else asyncio.Semaphore(count or 1)
        for number in range(count):
            if number % AT_ONCE == 0:
                await asyncio.sleep(PAUSE)
            client = Client(next(self._numbers))
            self._groups[group].append(client)
            task = asyncio.ensure_future(self._connect(client, port, limit))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        if self._connecting:
            await asyncio.wait(self._connecting, timeout=seconds)
        return self._counts(group)

    async def _connect(self, client: Client, port: int, limit: asyncio.Semaphore) -> None:
        async with limit:
            try:
                await asyncio.get_running_loop().create_connection(
                    lambda: client, "127.0.0.1", port, local_addr=(next(self._sources), 0)
                )
            except OSError:
                client.is_lost = True

    async def exchange(self, group: str, size: int, seconds: float) -> Json:
        """One exchange of each client, spread over the time: how many were answered, and how fast (in seconds)."""
        clients = self._groups[group]
        pause = seconds / max(1, len(clients))
        began, tasks = monotonic(), []
        for place, client in enumerate(clients):
            if (early := began + place * pause - monotonic()) > 0:
                await asyncio.sleep(early)
            tasks.append(asyncio.ensure_future(client.exchange(size)))
        taken = [took for took in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(took, float)]
        taken.sort()
        slow = {"median": taken[len(taken) // 2], "slowest": taken[-1]} if taken else {"median": 0.0, "slowest": 0.0}
        return {"answered": len(taken), **slow, **self._counts(group)}

    async def leave(self, group: str, count: int) -> Json:
        """Let clients leave."""
        clients = self._groups[group]
        leaving, self._groups[group] = clients[:count], clients[count:]
        for number, client in enumerate(leaving):
            if number % AT_ONCE == 0:
                await asyncio.sleep(PAUSE)
            client.leave()
        return self._counts(group)

    async def counts(self, group: str) -> Json:
        """What has become of a group."""
        return self._counts(group)

    def _counts(self, group: str) -> Json:
        clients = self._groups[group]
        return {
            "clients": len(clients),
            "connected": sum(client.is_connected for client in clients),
            "served": sum(client.has_been_answered for client in clients),
            "lost": sum(client.is_lost for client in clients),
            "wrong": sum(client.is_wrong for client in clients),
        }


async def main() -> None:
    """Be the crowd with this number among several."""
    crowd = Crowd(int(sys.argv[1]))
    await obey({"connect": crowd.connect, "exchange": crowd.exchange, "leave": crowd.leave, "counts": crowd.counts})


if __name__ == "__main__":
    uvloop.run(main())
