"""A pool as a worker sees it: the backends of its snapshot, their counters on the board, and the balancer over them."""

import socket
from random import random

from app.core.balance import POLICIES
from app.core.balance.balancer import Balancer
from app.core.buckets import CONNECT_BUCKETS, DURATION_BUCKETS
from app.core.reasons import CloseReason, ConnectFailure
from app.dataplane.counters import Counters, Histogram
from app.dataplane.dials import Dials
from app.dataplane.failures import FailureReports
from app.dataplane.poller import Poller
from app.link.board import BACKENDS, CLOSED_CELL, FAILURE_CELL, POOLS, BackendCell, PoolCell
from app.link.messages import BackendEntry, PoolAdded


class PoolBackend:
    """One backend and its cells. Lives on with its sessions after the pool has dropped it."""

    def __init__(self, counters: Counters, entry: BackendEntry) -> None:
        self._counters = counters
        self._cell = counters.slot(BACKENDS, entry.slot)
        self._active_cell = self._cell + BackendCell.ACTIVE
        self._active_elsewhere = counters.elsewhere(BACKENDS, entry.slot, BackendCell.ACTIVE)
        self.name = entry.name
        self.failures: FailureReports | None = None  # nothing has failed yet
        self.apply(entry)

    def apply(self, entry: BackendEntry) -> None:
        """Take over a new entry of the same name."""
        self.address = (entry.host, entry.port)
        self.family = int(socket.AF_INET6 if ":" in entry.host else socket.AF_INET)
        self.weight = entry.weight
        self.max_connections = entry.max_connections
        self.backup = entry.backup
        self.eligible = entry.eligible

    @property
    def active(self) -> int:
        """Connections of all workers, those being dialled included."""
        cells = self._counters.cells
        active = cells[self._active_cell]
        for cell in self._active_elsewhere:
            active += cells[cell]
        return active

    def reserve(self) -> bool:
        """Count a connection to come, unless the backend is full. All workers reserve before they look, so that together
        they never exceed the limit."""
        self._counters.cells[self._active_cell] += 1
        if self.max_connections and self.active > self.max_connections:
            self.release()
            return False
        return True

    def release(self) -> None:
        """The connection is gone, or never came to be."""
        self._counters.cells[self._active_cell] -= 1

    def connected(self) -> None:
        """Count a dial that succeeded."""
        self._counters.cells[self._cell + BackendCell.TOTAL] += 1

    def failed(self, failure: ConnectFailure) -> None:
        """Count a dial that failed."""
        self._counters.cells[self._cell + FAILURE_CELL[failure]] += 1

    @property
    def good(self) -> int:
        """Sessions of this worker that went well."""
        return self._counters.cells[self._cell + BackendCell.GOOD]

    def went_well(self) -> None:
        """Count a session that got a byte, or lived longer than an early end."""
        self._counters.cells[self._cell + BackendCell.GOOD] += 1
        if self.failures:
            self.failures.forget()

    def moved(self, sent: int, received: int) -> None:
        """Count bytes to and from the backend."""
        cells = self._counters.cells
        cells[self._cell + BackendCell.SENT_BYTES] += sent
        cells[self._cell + BackendCell.RECEIVED_BYTES] += received


class Pool:
    """The settings of a pool, its backends by name, and the choice among those that are eligible."""

    def __init__(self, poller: Poller, counters: Counters, message: PoolAdded) -> None:
        self._counters = counters
        self._cell = counters.slot(POOLS, message.slot)
        self._active_cell = self._cell + PoolCell.ACTIVE
        self.name = message.name
        self.balance = ""
        self.backends: dict[str, PoolBackend] = {}
        self.dials = Dials(poller)
        self.connect_seconds = Histogram(counters, self._cell + PoolCell.CONNECT, CONNECT_BUCKETS)
        self.duration_seconds = Histogram(counters, self._cell + PoolCell.DURATION, DURATION_BUCKETS)
        self.configure(message)

    def configure(self, message: PoolAdded) -> None:
        """Take over settings; they hold for sessions that run, too."""
        self.dials.configure(message.connect_timeout)
        self.connect_attempts = message.connect_attempts
        self.idle_timeout = message.idle_timeout
        self.outlier_failures = message.outlier_failures
        self.early_end = message.early_end
        if message.balance != self.balance:
            self.balance = message.balance
            self._balancer: Balancer[PoolBackend] = Balancer(lambda: POLICIES[message.balance](random))
            for backend in self.backends.values():
                self._admit(backend)

    def apply(self, changed: list[BackendEntry], removed: list[str]) -> None:
        """Take over backends that are new or different, and drop those that left. The others cost nothing."""
        for name in removed:
            if backend := self.backends.pop(name, None):
                self._withdraw(backend)
        for entry in changed:
            if backend := self.backends.get(entry.name):
                self._withdraw(backend)
                backend.apply(entry)
            else:
                backend = self.backends[entry.name] = PoolBackend(self._counters, entry)
            self._admit(backend)

    def reserve(self, client: str, tried: list[PoolBackend]) -> PoolBackend | None:
        """Choose a backend that has not been tried and reserve a connection on it, or None when there is none."""
        while (backend := self._balancer.pick(client, tried)) is not None:
            if backend.reserve():
                return backend
            tried = [*tried, backend]  # another worker has taken the last place
        return None

    def opened(self) -> None:
        """Count a session that has begun."""
        self._counters.cells[self._active_cell] += 1

    def moved(self, copied: int, spliced: int) -> None:
        """Count bytes by the way they took."""
        cells = self._counters.cells
        cells[self._cell + PoolCell.COPIED_BYTES] += copied
        cells[self._cell + PoolCell.SPLICED_BYTES] += spliced

    def closed(self, reason: CloseReason, seconds: float) -> None:
        """Count a session that has ended."""
        self._counters.cells[self._active_cell] -= 1
        self._counters.cells[self._cell + CLOSED_CELL[reason]] += 1
        self.duration_seconds.observe(seconds)

    def _admit(self, backend: PoolBackend) -> None:
        if backend.eligible:
            self._balancer.add(backend)

    def _withdraw(self, backend: PoolBackend) -> None:
        if backend.eligible:
            self._balancer.remove(backend)
