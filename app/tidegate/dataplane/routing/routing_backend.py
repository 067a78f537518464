"""A backend as a worker sees it: where to connect to, its limits, and its counters on the board."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tidegate.core.reasons import ConnectFailure
from tidegate.core.unix_socket import is_unix
from tidegate.dataplane.report.counters import Counters
from tidegate.dataplane.routing.failure_reports import FailureReports
from tidegate.dataplane.wire import Cell, Target
from tidegate.link.board import BACKENDS, FAILURE_CELL, BackendCell
from tidegate.link.messages import BackendEntry
from tidegate.link.own_addresses import may_meet_itself

if TYPE_CHECKING:
    from tidegate.dataplane.session.unix_queue import UnixQueue


class RoutingBackend:
    """One backend and its cells. Lives on with its sessions after the pool has dropped it."""

    def __init__(self, counters: Counters, entry: BackendEntry) -> None:
        self._cells = counters.cells
        self._cell = counters.slot(BACKENDS, entry.slot)
        self.active_cell: Cell = self._cell + BackendCell.ACTIVE
        self.total_cell: Cell = self._cell + BackendCell.TOTAL
        self._good_cell: Cell = self._cell + BackendCell.GOOD
        self.sent_cell: Cell = self._cell + BackendCell.SENT_BYTES
        self.received_cell: Cell = self._cell + BackendCell.RECEIVED_BYTES
        self._active_elsewhere = counters.elsewhere(BACKENDS, entry.slot, BackendCell.ACTIVE)
        self.name = entry.name
        self.failures: FailureReports | None = None  # nothing has failed yet
        self.follower: Callable[[Any], None] | None = None
        self.queue: UnixQueue | None = None  # of dials, while that of its Unix socket is or was full
        self.address = ("", 0)
        self.apply(entry)

    def apply(self, entry: BackendEntry) -> None:
        """Take over a new entry of the same name."""
        if self.address != (entry.host, entry.port):
            self.address = (entry.host, entry.port)
            self.target = Target(entry.host, entry.port)
            self.is_unix = is_unix(entry.host)
            self.may_meet_itself = may_meet_itself(entry.host, entry.port)
        self.weight = self.full_weight = entry.weight
        self.warming_since = entry.warming_since
        self.max_connections = entry.max_connections
        self.backup = entry.backup
        self.order = entry.order
        self.eligible = entry.eligible
        self.location = {key: value for key in ("pod", "node", "zone") if (value := getattr(entry, key))}

    @property
    def active(self) -> int:
        """Connections of all workers, those being dialled included."""
        cells = self._cells
        active = cells[self.active_cell]
        for cell in self._active_elsewhere:
            active += cells[cell]
        return active

    def reserve(self) -> bool:
        """Count a connection to come, unless the backend is full. All workers reserve before they look, so that together
        they never exceed the limit."""
        self._cells.one_more(self.active_cell)
        if self.max_connections and self.active > self.max_connections:
            self.release()
            return False
        if self.follower is not None:
            self.follower(self)
        return True

    def release(self) -> None:
        """The connection is gone, or never came to be."""
        self._cells.one_less(self.active_cell)
        if self.follower is not None:
            self.follower(self)

    def failed(self, failure: ConnectFailure) -> None:
        """Count a dial that failed."""
        self._cells[self._cell + FAILURE_CELL[failure]] += 1

    @property
    def good(self) -> int:
        """Sessions of this worker that went well."""
        return self._cells[self._good_cell]

    def went_well(self) -> None:
        """Count a session that got a byte, or lived longer than an early end."""
        self._cells.one_more(self._good_cell)
        if self.failures:
            self.failures.forget()
