"""Descriptors, memory and local ports that are used up for a while."""

import asyncio
import random
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import ClassVar, Final

from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.disturbances.processes import ACCEPTED_AT_ONCE, RESTART
from tests.faults.ledger import KILLED
from tests.faults.processes import holdings
from tests.faults.world import World
from tests.support.waiting import until

SCARCITY: Final = (0.2, 2.0)  # seconds
PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
FEW_PORTS: Final = "40000 40019"
CROWD: Final = 3  # times as many clients come meanwhile


class FewDescriptors(Disturbance):
    """A process may open only a few files more: it waits, or dials fail, and says so."""

    name = "few descriptors"
    excuses: ClassVar = frozenset({"connect_failed", "no_backend", "error"})
    signs: ClassVar = frozenset({"no descriptor left", "listener_accept_pauses", "connect_failed", "error", "no_backend"})

    async def strike(self, world: World) -> None:
        """For a moment, one process. Control resets who asks it something then."""
        pid = random.choice(world.pids)
        few = holdings(pid).descriptors.total() + random.randrange(8)
        is_control = pid == world.proxy.process.pid
        with world.health.excused() if is_control else nullcontext(), _limited(pid, resource.RLIMIT_NOFILE, few):
            await _crowd(world)
            all_used = holdings(pid).descriptors.total() >= few
        world.noticed["no descriptor left"] += all_used or (is_control and world.log.says("probe_impossible"))


class LittleMemory(Disturbance):
    """A worker gets no more memory: sessions may fail, and the worker may die."""

    name = "little memory"
    excuses: ClassVar = frozenset({"connect_failed", "error", KILLED})
    signs: ClassVar = frozenset({"worker_restarts", "listener_accept_pauses", "connect_failed", "error"})
    errors = "MemoryError"  # a worker that cannot go on says why

    async def strike(self, world: World) -> None:
        """For a moment, one worker."""
        world.uncounted += min(ACCEPTED_AT_ONCE, world.mix.at_once)
        pid = random.choice(world.workers)
        with _limited(pid, resource.RLIMIT_AS, _address_space(pid)):
            await _crowd(world)
        await until(world.all_accept, seconds=RESTART)


class FewPorts(Disturbance):
    """The system has few local ports to connect from. It needs a network of its own."""

    name = "few ports"
    excuses: ClassVar = frozenset({"connect_failed"})
    signs: ClassVar = frozenset({"backend_connect_failures no_local_port"})
    unlike: ClassVar = frozenset(
        {"ipv6", "ipv6 to ipv4", "ipv4 to ipv6", "ipv4 to unix", "unix to ipv4"}
    )  # there clients have few addresses to come from

    @classmethod
    def missing(cls) -> str:
        """A network of its own, or all programs of the system would have few."""
        return "" if [name for _, name in socket.if_nameindex()] == ["lo"] else "a network of its own"

    async def strike(self, world: World) -> None:
        """For a moment."""
        usual = PORTS.read_text()
        PORTS.write_text(FEW_PORTS)
        try:
            await _crowd(world)
        finally:
            PORTS.write_text(usual)


async def _crowd(world: World) -> None:
    """Let more clients come for a moment."""
    async with world.clients.more(CROWD * world.mix.at_once):
        await asyncio.sleep(random.uniform(*SCARCITY))


@contextmanager
def _limited(pid: int, which: int, limit: int) -> Iterator[None]:
    soft, hard = resource.prlimit(pid, which)
    resource.prlimit(pid, which, (limit, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it has not survived
            resource.prlimit(pid, which, (soft, hard))


def _address_space(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
