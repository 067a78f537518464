"""An API server on loopback that gives fuzzed answers to real requests, and a watch that follows it until an error."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import trustme

from tests.fuzz.files import written
from tests.fuzz.loop import close_at_end, the_loop
from tidegate.control.discovery.kubernetes.cluster import Cluster
from tidegate.control.discovery.kubernetes.credentials import Credentials
from tidegate.control.discovery.kubernetes.trouble import ClusterError
from tidegate.control.discovery.kubernetes.watch import Objects, Watch, WatchCallbacks, WatchPace
from tidegate.core.backoff import Backoff
from tidegate.core.discovery.slices import Store, read_slice
from tidegate.settings.words import KubernetesApi, ServiceName

OBJECTS = Objects.of(ServiceName("chat", "socketio"), KubernetesApi.ENDPOINTSLICES)
NO_PAUSE = WatchPace(too_short=0.0, backoff=Backoff(first=0.0, longest=0.0, healthy_after=120.0))
MOST_WATCHES = 3


class Answer(NamedTuple):
    """An answer to one request."""

    status: int
    retry_after: bytes
    body: bytes

    def __bytes__(self) -> bytes:
        head = b"HTTP/1.1 %d Status\r\nRetry-After: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        return head % (self.status, self.retry_after, len(self.body)) + self.body


class Follower:
    """A watch of the server's objects. It ends after an error, or after several watches without one."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self._store, self._watches = Store(read_slice), 0
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Follow until the end. Raises what a watch may not raise."""
        callbacks = WatchCallbacks(
            self._listed, lambda event: self._happened(event.kind, event.item), self._opened, self._failed
        )
        watching = asyncio.ensure_future(Watch(_cluster(), OBJECTS, callbacks, NO_PAUSE).run())
        done = asyncio.ensure_future(self._done.wait())
        await asyncio.wait((watching, done), return_when=asyncio.FIRST_COMPLETED)
        watching.cancel()
        done.cancel()
        with suppress(asyncio.CancelledError):
            await watching

    def _listed(self, items: list[object]) -> None:
        self._store = self._store.listed(items)

    def _happened(self, kind: str, item: object) -> None:
        self._store = self._store.after(kind, item)

    def _opened(self) -> None:
        self._watches += 1
        if self._watches > MOST_WATCHES:
            self._done.set()

    def _failed(self, error: ClusterError) -> None:
        self.reasons.append(str(error))
        self._done.set()


async def follow(listed: Answer, watched: Answer) -> list[str]:
    """The reason for the error that a list and a watch with these answers end with, if any."""
    _answers.update(listed=listed, watched=watched)
    follower = Follower()
    await follower.run()
    return follower.reasons


@dataclass(frozen=True)
class _Plain:
    """Credentials without TLS; their CA is there because a small one is read faster than those of the system."""

    server: str
    ca_file: str
    name: str = "the fuzzed server"

    async def __call__(self) -> Credentials:
        return Credentials(self.server, "Bearer correct-horse", self.ca_file)


_answers: dict[str, Answer] = {}


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, EOFError):
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(bytes(_answers["watched" if b"watch=1" in request else "listed"]))
        await writer.drain()
    writer.close()


@cache
def server() -> str:
    """The URL of the server, which starts with the first call, outside of the loop."""
    started = the_loop().run_until_complete(asyncio.start_server(_answer, "127.0.0.1", 0))
    close_at_end(started.close)
    return f"http://127.0.0.1:{started.sockets[0].getsockname()[1]}"


@cache
def _cluster() -> Cluster:
    return Cluster(_Plain(server(), written("ca.pem", trustme.CA().cert_pem.bytes())))
