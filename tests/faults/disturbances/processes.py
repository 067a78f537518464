"""Processes that are killed, or stand still for a while."""

import asyncio
import os
import random
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, ClassVar, Final

from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.ledger import KILLED
from tests.faults.processes import runs
from tests.faults.watch import scrape
from tests.faults.world import World
from tests.support.proxy import total
from tests.support.waiting import until

STANDSTILL: Final = (0.1, 2.5)  # seconds
ACCEPTED_AT_ONCE: Final = 64  # clients that a worker may take from the kernel before it counts them
RESTART: Final = 40.0  # seconds until a worker that keeps being killed runs again


class KilledWorker(Disturbance):
    """SIGKILL to a worker; its sessions are lost, and the proxy says how many."""

    name = "killed worker"
    excuses: ClassVar = frozenset({KILLED})
    signs: ClassVar = frozenset({"worker_restarts"})

    async def strike(self, world: World) -> None:
        """Kill one, and wait until all accept again."""
        world.uncounted += min(ACCEPTED_AT_ONCE, world.mix.at_once)
        os.kill(random.choice(world.workers), signal.SIGKILL)
        await until(world.all_accept, seconds=RESTART)


class StoppedWorker(Disturbance):
    """SIGSTOP, then SIGCONT, to a worker: everything waits, nothing is lost."""

    name = "stopped worker"

    async def strike(self, world: World) -> None:
        """For a moment."""
        await _stand_still([random.choice(world.workers)])


class StoppedControl(Disturbance):
    """SIGSTOP, then SIGCONT, to control: sessions go on without it."""

    name = "stopped control"

    async def strike(self, world: World) -> None:
        """For a moment."""
        with world.health.excused():
            await _stand_still([world.proxy.process.pid])
            await until(world.answers)


class StoppedAll(Disturbance):
    """SIGSTOP, then SIGCONT, to all processes at once, as when a container is frozen."""

    name = "stopped all"

    async def strike(self, world: World) -> None:
        """For a moment."""
        with world.health.excused():
            await _stand_still(world.pids)
            await until(world.answers)


class KilledControl(Disturbance):
    """SIGKILL to control: the workers end, and another proxy takes the same ports."""

    name = "killed control"
    excuses: ClassVar = frozenset({"error", KILLED})

    async def strike(self, world: World) -> None:
        """Wait for the new proxy."""
        await _replace(world, [world.proxy.process.pid])


class KilledAll(Disturbance):
    """SIGKILL to all processes at once, as the kernel does when memory is used up."""

    name = "killed all"
    excuses: ClassVar = frozenset({"error", KILLED})

    async def strike(self, world: World) -> None:
        """Wait for the new proxy."""
        await _replace(world, world.pids)


class Terminated(Disturbance):
    """SIGTERM under load: every session has its line, and another proxy takes the same ports."""

    name = "terminated"
    excuses: ClassVar = frozenset({"drain"})
    settings: Mapping[str, Any] = MappingProxyType({"DRAIN__GRACE": "3s"})

    async def strike(self, world: World) -> None:
        """Wait for the new proxy. A client whom no worker has met may have been reset by the kernel."""
        dropped = total(await scrape(world.admin_port), "tidegate_log_lines_dropped_total")
        with world.health.excused(), world.ledger.unreachable():
            await world.stop()
            missing = world.log.sessions_lost + world.log.lines_lost
            with suppress(AssertionError):
                await until(lambda: len(world.ledger.live) <= world.ledger.without_line)
            if not dropped and (unheard := world.ledger.heard_without_line - missing) > 0:
                world.ledger.violation(f"{unheard} sessions have no line after the end of the proxy")
            await world.replaced()


async def _stand_still(pids: Iterable[int]) -> None:
    pids = list(pids)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(random.uniform(*STANDSTILL))
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def _replace(world: World, victims: list[int]) -> None:
    everybody = world.pids
    with world.health.excused(), world.ledger.unreachable():
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: not any(map(runs, everybody)))
        await world.log_ended()
        await world.replaced()
