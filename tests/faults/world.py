"""A proxy with all around it: backends, their source, clients, its log, and what watches it."""

import asyncio
import itertools
import tempfile
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.faults.backend import Backend
from tests.faults.client import Clients
from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.entrance import Entrance
from tests.faults.ledger import Ledger
from tests.faults.log import Log, LogFile, LogPipe, Output
from tests.faults.mix import TRANSPORTS, Mix
from tests.faults.processes import Holdings, children, holdings
from tests.faults.script import Script, script
from tests.faults.sources import Source, source_of
from tests.faults.watch import CounterWatch, HealthWatch
from tests.support.ports import free_port, free_ports
from tests.support.proxy import running_proxy
from tidegate.core.unix_socket import UNIX

LAST_LINES: Final = 10.0  # seconds
LOOKS, NEXT_LOOK = 4, 0.2  # so many looks in a row, with so many seconds between two, find the same


@dataclass
class World:
    """What a disturbance can reach. A proxy that takes the place of another one listens on the same ports.

    `uncounted` is how many clients may have been accepted by workers that were killed before they had counted them,
    `noticed` what disturbances have noticed themselves.
    """

    mix: Mix
    ledger: Ledger
    pools: Mapping[str, list[Backend]]
    source: Source
    disturbances: Sequence[Disturbance]
    folder: Path

    def __post_init__(self) -> None:
        names = {pool: tuple(backend.name for backend in backends) for pool, backends in self.pools.items()}
        routes = names if self.mix.routed else {}
        self.entrances = [
            Entrance(listener, pool, *self._place(listener), names[pool], routes)
            for listener, pool in self.mix.listeners.items()
        ]
        self.admin_port = free_port()
        self.uncounted = 0
        self.noticed: Counter[str] = Counter()
        self.counters = CounterWatch(self.ledger)
        self.health = HealthWatch(self.admin_port, self.ledger.violation)
        self.clients = Clients(self.ledger, self.entrances, _scripts(self.mix), self.mix)
        self._proxy = AsyncExitStack()

    async def start(self) -> None:
        """Start a proxy."""
        self.log = Log(self.ledger, self.counters.left)
        disk = next((disturbance.disk for disturbance in self.disturbances if disturbance.disk), None)
        self.output: Output = LogFile(self.log, disk / "log") if disk else LogPipe(self.log)
        self.output.resume()
        self.proxy = await self._proxy.enter_async_context(
            running_proxy(
                wait=False,
                command=self._command,
                stdout=self.output.written_to,
                **self._settings(),
                ADMIN=f"127.0.0.1:{self.admin_port}",
            )
        )
        self.proxy.admin_port = self.admin_port
        self.output.started()
        await self.proxy.ready()

    async def replaced(self) -> None:
        """Start another proxy after the first one has gone; what the first one had counted is forgotten."""
        await self.close()
        self.ledger.forget()
        self.counters.forget()
        self.uncounted = 0
        await self.start()

    @property
    def backends(self) -> list[Backend]:
        """Of the default pool, to which things are done."""
        return self.pools["default"]

    @property
    def evidence(self) -> Counter[str]:
        """What shows that something was done to the proxy: counters, close reasons, and what disturbances have noticed."""
        return self.counters.evidence + self.ledger.caused + self.noticed + Counter(queued=self.ledger.queued)

    @property
    def pids(self) -> list[int]:
        """Control, then the workers that run."""
        control = self.proxy.process.pid
        return [control, *children(control)]

    @property
    def workers(self) -> list[int]:
        """The workers that run."""
        return self.pids[1:]

    async def answers(self) -> bool:
        """Whether control answers."""
        with suppress(aiohttp.ClientError):
            status, _ = await self.proxy.get("/healthz")
            return status == 200
        return False

    async def is_ready(self) -> bool:
        """Whether the proxy is ready."""
        status, _ = await self.proxy.get("/readyz")
        return status == 200

    async def all_accept(self) -> bool:
        """Whether all workers run and have been told all."""
        told = {row["pid"] for row in (await self.proxy.status())["workers"]}
        return told == set(self.workers) and len(told) == self.mix.workers and await self.is_ready()

    def holdings(self) -> list[Holdings]:
        """What each process holds."""
        return [holdings(pid) for pid in self.pids]

    async def steady_holdings(self) -> list[Holdings]:
        """What each process holds once it has settled after its start."""
        looks: deque[list[Holdings]] = deque(maxlen=LOOKS)
        while True:
            looks.append(self.holdings())
            kinds = [[process.descriptors for process in look] for look in looks]
            if len(kinds) == LOOKS and kinds.count(kinds[0]) == LOOKS:
                return looks[-1]
            await asyncio.sleep(NEXT_LOOK)

    async def stop(self) -> None:
        """End the proxy as its user would, and read its log to the end."""
        code = await self.proxy.stop()
        if code:
            self.ledger.violation(f"the proxy ended with {code}: {self.proxy.errors[-2000:]}")
        await self.log_ended()
        errors = self.proxy.errors
        if errors and not any(one.errors and one.errors in errors for one in self.disturbances):
            self.ledger.violation(f"on standard error: {errors[-2000:]}")

    async def log_ended(self) -> None:
        """Read the log to its end, when nobody writes any more."""
        self.output.finish()
        async with asyncio.timeout(LAST_LINES):
            await self.output.ended.wait()

    async def close(self) -> None:
        """Kill what still runs."""
        await self._proxy.aclose()
        self.output.close()

    def _place(self, listener: str) -> tuple[str, int]:
        """The host and the port of a listener."""
        host = TRANSPORTS[self.mix.transport].listener
        return (f"unix:{self.folder}/{listener}.sock", 0) if host == UNIX else (host, free_port(host))

    def _settings(self) -> dict[str, Any]:
        """Of the default listener and its pool, and of the others, which do the same."""
        settings = self.mix.settings()
        for disturbance in self.disturbances:
            settings |= disturbance.settings
        default, *others = self.entrances
        named = [other.settings(settings, self.mix.marks(len(other.backends))) for other in others]
        settings |= self.source.settings | {"LISTEN": default.address}
        for each in named:
            settings |= each
        return settings

    @property
    def _command(self) -> tuple[str, ...]:
        variables = {name: value for disturbance in self.disturbances for name, value in disturbance.environment.items()}
        return ("env", *(f"{name}={value}" for name, value in variables.items())) if variables else ()


def _scripts(mix: Mix) -> Iterator[Script]:
    """The scripts of a mix, without end."""
    return (script(seed, mix.sizes) for seed in itertools.count(mix.seed << 32))


def _backends(mix: Mix, ledger: Ledger, folder: Path, pool: str) -> list[Backend]:
    hosts = TRANSPORTS[mix.transport].backends
    if UNIX in hosts:
        return [Backend(ledger, f"unix:{folder}/{pool}-{number}.sock", 0, mix) for number in range(len(hosts))]
    ports = free_ports(len(hosts), hosts[0]) if len(set(hosts)) == 1 else free_ports(1, hosts[0]) * len(hosts)
    places = zip(hosts, ports, strict=True)
    return [Backend(ledger, host, port, mix) for host, port in places]


@asynccontextmanager
async def world(mix: Mix, disturbances: Sequence[Disturbance]) -> AsyncIterator[World]:
    """All of it, with a proxy that is ready."""
    excused = {reason for disturbance in disturbances if disturbance.lasts for reason in disturbance.excuses}
    ledger = Ledger(excused, mix.rejects)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pools = {pool: _backends(mix, ledger, folder, pool) for pool in mix.listeners.values()}
        for disturbance in disturbances:
            await stack.enter_async_context(disturbance.prepared(folder))
        for backend in itertools.chain.from_iterable(pools.values()):
            await stack.enter_async_context(backend.running())
        default = pools["default"]
        source = await stack.enter_async_context(source_of(mix.source, default, mix.marks(len(default)), folder))
        made = World(mix, ledger, pools, source, disturbances, folder)
        stack.push_async_callback(made.close)
        await made.start()
        yield made
