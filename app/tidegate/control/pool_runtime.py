"""Everything that runs for one pool: makes, starts, configures and stops its parts, and passes each change on to them."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.control.discovery.sources import Source, Sources
from tidegate.control.health.prober import Probers
from tidegate.control.pools.change_log import log_changes
from tidegate.control.pools.closing_orders import BackendGrace, closing_orders
from tidegate.control.pools.live_pool import Admit, LivePool
from tidegate.control.pools.rebalancer import Rebalancer
from tidegate.control.tasks import spawn
from tidegate.control.totals import Totals
from tidegate.control.workers import orders
from tidegate.control.workers.processes import Worker, Workers
from tidegate.core.pools.snapshot import BackendAdded, BackendAltered, BackendRemoved, Change, PanicChanged
from tidegate.link.messages import AffinityLearned, BackendFailed

if TYPE_CHECKING:
    from tidegate.settings.model import Settings


@dataclass(frozen=True, slots=True)
class SharedParts:
    """What all pools of the process use. `most_probes` is how many probes each may have under way."""

    totals: Totals
    workers: Workers
    sources: Sources
    most_probes: int


class PoolRuntime:
    """One pool: what is known about it (`live`), the source of its backends, its probers, and what closes live sessions.

    Nothing runs before `start`.
    """

    def __init__(self, name: str, settings: "Settings", shared: SharedParts, admit: Admit) -> None:
        pool = settings.pools[name]
        self._name, self._sources, self._workers = name, shared.sources, shared.workers
        self.live = LivePool(name, pool, pool.source, shared.totals, self._changed, admit)
        self._probers = Probers(self.live, shared.most_probes, self._refresh)
        self._grace = BackendGrace(self.live, settings.drain.backend_grace, len(shared.workers.all))
        self._rebalancer = Rebalancer(self.live, shared.totals, shared.workers)
        self._source: Source | None = None
        self._serving = False

    def load(self) -> None:
        """Load the source of the backends. Some take a second."""
        self._source = self._sources.of(self.live)

    def start(self) -> None:
        """Begin to find backends and to probe them."""
        assert self._source is not None
        self._discovery = spawn(self._source.run(), f"discovery {self._name}")

    def serve(self) -> None:
        """Clients may come from now on, even if some backends have not been probed."""
        self.live.settle()
        self._serving = True

    def configure(self, settings: "Settings") -> None:
        """Take over new settings, also in the workers. They decide from the next event on; what has been decided stays.

        The source of the backends keeps the settings it was loaded with.
        """
        self.live.configure(settings.pools[self._name])
        self._grace.configure(settings.drain.backend_grace)
        self._probers.configure()
        self._rebalancer.configure()
        self._workers.broadcast(orders.pool_added(self.live))

    def drain(self) -> None:
        """Move no more sessions to other backends: all of them are about to end."""
        self._serving = False
        self._rebalancer.stop()

    def stop(self) -> asyncio.Task[None]:
        """End the probes and the discovery; answers the task of the discovery, which is about to end."""
        self._probers.stop()
        self._discovery.cancel()
        return self._discovery

    def tick(self, now: float) -> None:
        """Do what is due at this moment of the monotonic clock. To be called regularly."""
        self.live.restore_due()
        self.live.release_slots()
        for order in self._grace.tick(now):
            self._workers.broadcast(order)
        self._rebalancer.tick(now)

    def introduce(self, worker: Worker) -> None:
        """Tell a new worker process all about the pool that the others know."""
        worker.send(orders.pool_added(self.live))
        worker.send(orders.all_backends(self.live))
        if self.live.affinity:
            worker.send(self.live.affinity.everything())

    def backend_failed(self, message: BackendFailed) -> None:
        """Take over a worker's report of failures, and probe the backend at once."""
        self.live.failed(message)
        self._probers.hurry(message.backend)
        if message.dials:
            self._refresh(message.backend)

    def affinity_learned(self, message: AffinityLearned) -> None:
        """Take over which backends a worker has given to clients, and tell all workers."""
        if self.live.affinity:
            told = self.live.affinity.learned(message.entries, self.live.snapshot.members)
            if len(self._workers.all) > 1:
                self._workers.broadcast(told)

    def _changed(self, pool: LivePool, changes: tuple[Change | PanicChanged, ...]) -> None:
        """The one place where a change of the pool reaches the log, the workers and the probers."""
        log_changes(changes)
        self._workers.broadcast(orders.backends_changed(pool, changes))
        self._rebalancer.changed(changes, serving=self._serving)
        for order in closing_orders(pool, changes, len(self._workers.all)):
            self._workers.broadcast(order)
        if any(isinstance(change, BackendAdded | BackendRemoved) for change in changes):
            self._probers.sync()
        for change in changes:
            if isinstance(change, BackendAltered):
                self._probers.hurry(change.member.backend.name)

    def _refresh(self, backend: str) -> None:
        """Look again where a backend is that cannot be reached: it may have moved."""
        if self._source:
            self._source.refresh(backend)
