"""Backends that fail, and packets that are dropped on the way."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final

from tests.faults.backend import Backend, Behaviour
from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.mix import WITHOUT_RESETS
from tests.faults.world import World
from tests.support.waiting import until

WHILE: Final = (0.5, 3.0)  # seconds
LONG_ENOUGH: Final = (2.5, 5.0)  # seconds, for backends to go down
DEAD_AFTER: Final = 12.0  # seconds: keepalive below, a sweep, and a busy machine
VICTIMS: Final = 8
PONG: Final = b"+PONG\r\n"
DELAYS: Final = (0.0, 0.1, 1.0)  # seconds; the last is longer than a probe waits


class RefusingBackend(Disturbance):
    """A backend does not listen: every client gets another one."""

    name = "refusing backend"
    excuses: ClassVar = frozenset({"backend_reset"})  # of connections that waited to be accepted
    signs: ClassVar = frozenset({"backend_connect_failures refused", "backend_health_checks failure"})

    async def strike(self, world: World) -> None:
        """For a moment."""
        await _behave(world, Behaviour.REFUSES)


class SilentBackend(Disturbance):
    """A backend accepts and says nothing, until it breaks off."""

    name = "silent backend"
    excuses: ClassVar = frozenset({"backend_reset"})
    signs: ClassVar = frozenset({"backend_reset"})
    unlike: ClassVar = WITHOUT_RESETS

    async def strike(self, world: World) -> None:
        """For a moment."""
        await _behave(world, Behaviour.IS_SILENT)


class ResettingBackend(Disturbance):
    """A backend breaks off as soon as it has accepted."""

    name = "resetting backend"
    excuses: ClassVar = frozenset({"backend_reset", "connect_failed"})
    signs: ClassVar = frozenset({"backend_reset", "connect_failed", "backend_connect_failures reset"})
    unlike: ClassVar = WITHOUT_RESETS

    async def strike(self, world: World) -> None:
        """For a moment."""
        await _behave(world, Behaviour.RESETS)


class DeafBackend(Disturbance):
    """A backend drops all that would make a connection: dials time out, and clients get another one."""

    name = "deaf backend"
    excuses: ClassVar = frozenset({"connect_failed"})  # of who meets one after the other, as they change
    signs: ClassVar = frozenset({"backend_connect_failures timeout"})
    settings: Mapping[str, Any] = MappingProxyType({"CONNECT_TIMEOUT": "1s"})
    unlike: ClassVar = WITHOUT_RESETS

    async def strike(self, world: World) -> None:
        """For a moment."""
        await _behave(world, Behaviour.IS_DEAF)


class BackendThatBreaksOff(Disturbance):
    """A backend breaks off after each number of bytes in turn, sent or read; its client gets all and the reset."""

    name = "backend that breaks off at every byte"
    excuses: ClassVar = frozenset({"backend_reset"})
    signs: ClassVar = frozenset({"backend_reset"})
    unlike: ClassVar = WITHOUT_RESETS

    async def strike(self, world: World) -> None:
        """For a moment."""
        await _behave(world, Behaviour.BREAKS_OFF)


class LostPackets(Disturbance):
    """All that is sent to some peers is dropped without a word: keepalive finds that they are dead."""

    name = "lost packets"
    signs: ClassVar = frozenset({"client_reset", "backend_reset"})
    settings: Mapping[str, Any] = MappingProxyType(
        {"KEEPALIVE__IDLE": "1s", "KEEPALIVE__INTERVAL": "1s", "KEEPALIVE__COUNT": "2"}
    )
    unlike: ClassVar = WITHOUT_RESETS

    async def strike(self, world: World) -> None:
        """Some clients and some backends of live sessions."""
        live = [session for session in world.ledger.live.values() if session.client and not session.client_ended]
        silent = [
            (session, part) for session in random.sample(live, min(VICTIMS, len(live))) if (part := session.fall_silent())
        ]
        await until(lambda: all(session.line for session, _ in silent) or bool(world.ledger.violations), seconds=DEAD_AFTER)
        for _, part in silent:
            part.wake()


class RedisTrouble(Disturbance):
    """Backends are probed as Redis, which is slow, loading, away, or something else."""

    name = "trouble with Redis"
    excuses: ClassVar = frozenset({"no_backend"})
    signs: ClassVar = frozenset({"backend_health_checks failure"})
    ANSWERS: ClassVar = (
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-ERR\r\n",
        b"+OK\r\n",
        b"HTTP/1.1 400\r\n",
        b"",
    )

    @asynccontextmanager
    async def prepared(self, folder: Path) -> AsyncIterator[None]:  # noqa: ARG002
        """One Redis answers for all backends."""
        self._answer: bytes | None = PONG
        self._delay = 0.0
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.settings = {"HEALTH__TYPE": "redis", "HEALTH__ADDRESS": "127.0.0.1", "HEALTH__PORT": port}
        try:
            yield
        finally:
            server.close()

    async def strike(self, world: World) -> None:
        """For a moment; then all backends are up again."""
        self._answer, self._delay = random.choice((PONG, *self.ANSWERS, None)), random.choice(DELAYS)
        await asyncio.sleep(random.uniform(*LONG_ENOUGH))
        self._answer, self._delay = PONG, 0.0
        await until(world.is_ready)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if self._answer is None:
            await reader.read()
        else:
            await asyncio.sleep(self._delay)
            writer.write(self._answer)
        writer.close()


async def _behave(world: World, behaviour: Behaviour) -> None:
    """One or two backends of many, so that there is always one to go to."""
    chosen: list[Backend] = random.sample(world.backends[1:], random.choice((1, 2)))
    for backend in chosen:
        backend.behave(behaviour)
    await asyncio.sleep(random.uniform(*WHILE))
    for backend in chosen:
        backend.behave(Behaviour.PLAYS)
