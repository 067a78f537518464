"""A pool as a worker sees it: the backends of its snapshot, their counters on the board, and the balancer over them."""

from collections.abc import Callable
from random import random
from time import monotonic
from typing import TYPE_CHECKING

from tidegate.core.balance import POLICIES
from tidegate.core.balance.balancer import Balancer, has_room
from tidegate.core.balance.policy import PolicyContext
from tidegate.core.buckets import CONNECT_BUCKETS, DURATION_BUCKETS
from tidegate.core.network import Networks
from tidegate.core.pools.options import NO_HEADER, PoolOptions
from tidegate.core.reasons import CloseReason
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.loop.shared_timeout import SharedTimeout
from tidegate.dataplane.report.counters import Counters, Histogram
from tidegate.dataplane.routing.affinity import WorkerAffinity
from tidegate.dataplane.routing.queue import Queue
from tidegate.dataplane.routing.routing_backend import RoutingBackend
from tidegate.dataplane.routing.warming import SlowStart
from tidegate.dataplane.wire import Cell, Flow
from tidegate.link.board import CLOSED_CELL, POOLS, PoolCell
from tidegate.link.messages import AffinityEntry, BackendEntry, PoolAdded
from tidegate.link.sockets import alive_options, buffer_options

Learned = Callable[[str, list[AffinityEntry]], None]


if TYPE_CHECKING:
    from tidegate.dataplane.session.introduction import Introduction


class RoutingPool:
    """The options of a pool, its backends by name, and the choice among those that are eligible.

    `affinity` is None while it is off, `queue` until it is first switched on. `learned(pool, entries)` is told which clients
    have which backend.
    """

    def __init__(self, poller: Poller, counters: Counters, message: PoolAdded, learned: Learned) -> None:
        self._poller = poller
        self._counters = counters
        self._learned = learned
        self._slot = message.slot
        self._cell = counters.slot(POOLS, message.slot)
        self._cells = counters.cells
        self.active_cell: Cell = self._cell + PoolCell.ACTIVE
        self._copied_cell: Cell = self._cell + PoolCell.COPIED_BYTES
        self._spliced_cell: Cell = self._cell + PoolCell.SPLICED_BYTES
        self._closed_cells: dict[CloseReason, Cell] = {reason: self._cell + cell for reason, cell in CLOSED_CELL.items()}
        self.name = message.name
        self._choice: tuple[str, PolicyContext, float] | None = None
        self.backends: dict[str, RoutingBackend] = {}
        self.affinity: WorkerAffinity | None = None
        self.queue: Queue | None = None
        self.dials = SharedTimeout(poller)
        self._slow_start: SlowStart[RoutingBackend] = SlowStart(poller, self._reweigh)
        self._connect_seconds = Histogram(counters, self._cell + PoolCell.CONNECT, CONNECT_BUCKETS)
        self._duration_seconds = Histogram(counters, self._cell + PoolCell.DURATION, DURATION_BUCKETS)
        self.configure(message.options)

    def configure(self, options: PoolOptions) -> None:
        """Take over options; they hold for live sessions, too.

        `introduces` sends backends the PROXY header of a client, or is None. `early_options` are for a backend's socket
        before it connects, `late_options` for one whose session lasts.
        """
        self.dials.configure(options.connect_timeout)
        self.connect_attempts = options.connect_attempts
        self.idle_timeout = options.idle_timeout
        self.max_duration, self.max_duration_jitter_percent = options.max_duration, options.max_duration_jitter_percent
        self.introduces = None if options.send_proxy_protocol == NO_HEADER else _introduction(options.send_proxy_protocol)
        self.outlier_failures = options.outlier_failures
        self.early_end = options.early_end
        self.early_options = buffer_options(options.connection)
        self.late_options = alive_options(options.connection)
        networks = Networks(options.ipv4_prefix, options.ipv6_prefix)
        self._configure_affinity(options, networks)
        self._configure_queue(options)
        self._configure_choice(options, networks)

    def apply(self, changed: list[BackendEntry], removed: list[str]) -> None:
        """Take over backends that are new or different, and drop those that left. The others cost nothing."""
        for name in removed:
            if backend := self.backends.pop(name, None):
                self._withdraw(backend)
        if self.affinity is not None and removed:
            self.affinity.remove_backends(removed)
        for entry in changed:
            if backend := self.backends.get(entry.name):
                self._withdraw(backend)
                backend.apply(entry)
            else:
                backend = self.backends[entry.name] = RoutingBackend(self._counters, entry)
            self._admit(backend)
        if self.queue is not None:
            self.queue.wake()

    def has(self, backend: RoutingBackend) -> bool:
        """Whether a backend has not left."""
        return self.backends.get(backend.name) is backend

    def reserve(self, client: str, tried: list[RoutingBackend]) -> RoutingBackend | None:
        """Choose a backend that has not been tried and reserve a connection on it, or None when there is none."""
        affinity = self.affinity
        if affinity is not None and (kept := self._reserve_again(affinity, client, tried)):
            return kept
        while (backend := self._balancer.pick(client, tried)) is not None:
            if backend.reserve():
                if affinity is not None and not backend.backup:
                    affinity.give(client, backend.name)
                return backend
            tried = [*tried, backend]  # another worker has taken the last place
        return None

    def observe(self, backend: RoutingBackend, seconds: float) -> None:
        """Tell a policy that `learns` how long a dial has taken."""
        self._balancer.observe(backend, seconds)

    def is_full(self, tried: list[RoutingBackend]) -> bool:
        """After `reserve` has found none: whether there is one that would do if it had room."""
        return any(backend.eligible and backend not in tried for backend in self.backends.values())

    def _has_room(self) -> bool:
        """Whether any backend may take one more now."""
        return any(backend.eligible and has_room(backend) for backend in self.backends.values())

    def _reserve_again(self, affinity: WorkerAffinity, client: str, tried: list[RoutingBackend]) -> RoutingBackend | None:
        """Reserve a connection on the backend that the client had, if it may have it. Backups keep no clients."""
        backend = self.backends.get(affinity.backend(client) or "")
        if backend is None or backend.backup or not backend.eligible or backend in tried or not backend.reserve():
            return None
        affinity.give(client, backend.name)
        return backend

    def told(self, entries: list[AffinityEntry]) -> None:
        """Take over what control says about which client has which backend."""
        if self.affinity is not None:
            self.affinity.told(entries)

    def drain(self) -> None:
        """End all sessions that wait."""
        if self.queue is not None:
            self.queue.drain()

    def connected(self, backend: RoutingBackend, seconds: float) -> None:
        """Count a dial that succeeded."""
        self._connect_seconds.observe(seconds, backend.total_cell)
        if self.learns:
            self.observe(backend, seconds)

    def count_moved(self, backend: RoutingBackend, to_backend: Flow, to_client: Flow) -> bool:
        """Count the bytes moved since the last time, by the way they took; answers whether there were any."""
        return self._cells.count_moved(
            to_backend, to_client, backend.sent_cell, backend.received_cell, self._copied_cell, self._spliced_cell
        )

    def closed(self, reason: CloseReason, seconds: float, listener_cell: Cell, backend: RoutingBackend | None) -> None:
        """Count a session that has ended; its places at the listener and on the backend are free."""
        if backend is None:
            self._cells.one_less(self.active_cell, listener_cell)
        else:
            self._cells.one_less(self.active_cell, listener_cell, backend.active_cell)
            if backend.follower is not None:
                backend.follower(backend)
        self._duration_seconds.observe(seconds, self._closed_cells[reason])

    def _configure_affinity(self, options: PoolOptions, networks: Networks) -> None:
        ttl, max_clients = options.affinity_ttl, options.affinity_max_clients
        if not ttl:
            self.affinity = None
        elif self.affinity is None:
            self.affinity = WorkerAffinity(self._poller, self._tell, ttl, max_clients, networks)
        else:
            self.affinity.configure(ttl, max_clients, networks)

    def _configure_queue(self, options: PoolOptions) -> None:
        if self.queue is None and options.queue_size:
            self.queue = Queue(self._poller, self._counters, self._slot, self._has_room)
        if self.queue is not None:
            self.queue.configure(options.queue_size, options.queue_timeout)

    def _configure_choice(self, options: PoolOptions, networks: Networks) -> None:
        """Choose anew by another policy or with another slow start; while these stay, a policy keeps what it has learned."""
        balance, slow_start = options.balance, options.slow_start
        context = PolicyContext(random, monotonic, networks, options.bounded_load)
        if (balance, context, slow_start) == self._choice:
            return
        self._choice = balance, context, slow_start
        self._slow_start.configure(slow_start)
        self._balancer: Balancer[RoutingBackend] = Balancer(lambda: POLICIES[balance](context))
        self.learns = self._balancer.learns
        for backend in self.backends.values():
            backend.follower = None
            self._admit(backend)

    def _tell(self, entries: list[AffinityEntry]) -> None:
        self._learned(self.name, entries)

    def _admit(self, backend: RoutingBackend) -> None:
        if backend.eligible:
            self._slow_start.admit(backend)
            self._balancer.add(backend)

    def _withdraw(self, backend: RoutingBackend) -> None:
        if backend.eligible:
            self._balancer.remove(backend)
            self._slow_start.withdraw(backend)

    def _reweigh(self, backend: RoutingBackend, weight: int) -> None:
        self._balancer.reweigh(backend, weight)


def _introduction(version: str) -> "Introduction":
    from tidegate.dataplane.session.introduction import Introduction  # noqa: PLC0415  most pools do without

    return Introduction(version)
