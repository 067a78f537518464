"""The stats board: one memory file that control and all workers map, with an unsigned 64-bit cell per number.

Each worker writes only its own row, so every cell has one writer and no lock is needed. A row holds tables of fixed capacity
(listeners, pools, backends, clients). A slot is the group of cells of one listener, pool, backend or client in its table.
The file is sparse: only pages that have been used take memory.
"""

import mmap
import os
from enum import IntEnum
from operator import add
from typing import NamedTuple

from tidegate.core.buckets import CONNECT_BUCKETS, DURATION_BUCKETS
from tidegate.core.limits import MOST_BACKENDS, MOST_COUNTED_CLIENTS, MOST_LISTENERS, MOST_POOLS
from tidegate.core.reasons import CloseReason, ConnectFailure, RejectReason

SWEEP_INTERVAL = 0.5  # seconds between two updates of a worker's row


class WorkerCell(IntEnum):
    """Cells of the worker itself."""

    LOOP_LAG_MICROSECONDS = 0
    LOG_LINES_DROPPED = 1
    SWEPT_AT_MILLISECONDS = 2  # of the monotonic clock, which is the same in all processes: the worker's sign of life
    COUNTED_CLIENTS = 3  # slots of the clients' table that it has ever used
    SESSIONS_LOGGED = 4  # sessions whose log line was written, or dropped and counted
    ACCEPTING = 5  # 1 while it accepts clients on the sockets of all its listeners


class ListenerCell(IntEnum):
    """Cells of a listener; OPEN is 1 while the worker has it, and REJECTED is the first of one cell per RejectReason."""

    ACTIVE = 0
    TOTAL = 1
    ACCEPT_PAUSES = 2
    RATE_PAUSES = 3
    OPEN = 4
    REJECTED = 5


class PoolCell(IntEnum):
    """Cells of a pool; CLOSED is the first of one cell per CloseReason.

    CONNECT and DURATION are the first cells of a histogram each: the sum in microseconds, then a cell per bucket, then one
    for observations above the last bucket.
    """

    ACTIVE = 0
    COPIED_BYTES = 1
    SPLICED_BYTES = 2
    QUEUED = 3
    CLOSED = 4
    CONNECT = CLOSED + len(CloseReason)
    DURATION = CONNECT + len(CONNECT_BUCKETS) + 2


class BackendCell(IntEnum):
    """Cells of a backend; FAILURES is the first of one cell per ConnectFailure.

    GOOD counts the sessions that received a byte from the backend, or lasted longer than an early end.
    """

    ACTIVE = 0
    TOTAL = 1
    SENT_BYTES = 2
    RECEIVED_BYTES = 3
    GOOD = 4
    FAILURES = 5


class ClientCell(IntEnum):
    """Cells of a client of a listener with a limit per client: a key for listener and client, its connections, and when it
    may open as many at once as ever again, in microseconds of the monotonic clock.

    The key also finds the slot, see `app/tidegate/dataplane/accept/client_table.py`.
    """

    KEY = 0
    ACTIVE = 1
    FULL_AT = 2


class Table(NamedTuple):
    """The position of a table within a row: its first cell, the cells per slot, and the number of slots."""

    offset: int
    width: int
    capacity: int

    def cell(self, slot: int, field: int) -> int:
        """The position within a row of one field of a slot."""
        return self.offset + slot * self.width + field

    @property
    def end(self) -> int:
        """The position after the last cell."""
        return self.offset + self.width * self.capacity


WORKER = Table(0, len(WorkerCell), 1)
LISTENERS = Table(WORKER.end, ListenerCell.REJECTED + len(RejectReason), MOST_LISTENERS)
POOLS = Table(LISTENERS.end, PoolCell.DURATION + len(DURATION_BUCKETS) + 2, MOST_POOLS)
BACKENDS = Table(POOLS.end, BackendCell.FAILURES + len(ConnectFailure), MOST_BACKENDS)
CLIENTS = Table(BACKENDS.end, len(ClientCell), MOST_COUNTED_CLIENTS)
ROW = CLIENTS.end

CLOSED_CELL = {reason: PoolCell.CLOSED + index for index, reason in enumerate(CloseReason)}
FAILURE_CELL = {failure: BackendCell.FAILURES + index for index, failure in enumerate(ConnectFailure)}
REJECTED_CELL = {reason: ListenerCell.REJECTED + index for index, reason in enumerate(RejectReason)}


class Board:
    """The mapped memory file: `cells[base(worker) + TABLE.cell(slot, field)]` is one number."""

    def __init__(self, descriptor: int, workers: int) -> None:
        self.workers = workers
        self.descriptor = descriptor
        self.cells = memoryview(mmap.mmap(descriptor, workers * ROW * 8)).cast("Q")

    @staticmethod
    def create(workers: int) -> "Board":
        """Create a board of zeros. Workers inherit its descriptor."""
        descriptor = os.memfd_create("tidegate-board")
        os.ftruncate(descriptor, workers * ROW * 8)
        return Board(descriptor, workers)

    def base(self, worker: int) -> int:
        """The position of the first cell of a worker's row."""
        return worker * ROW

    def clear(self, worker: int, table: Table) -> None:
        """Set all cells of a table in a worker's row to zero."""
        base = self.base(worker)
        self.cells[base + table.offset : base + table.end] = memoryview(bytes(8 * (table.end - table.offset))).cast("Q")

    def sum(self, table: Table, slot: int, field: int) -> int:
        """The sum of a cell over the rows of all workers."""
        return sum(self.of_each(table, slot, field))

    def sums(self, table: Table, slot: int) -> list[int]:
        """The sums over all workers of each cell of a slot."""
        first = table.cell(slot, 0)
        sums = self.cells[first : first + table.width].tolist()
        for base in range(first + ROW, self.workers * ROW, ROW):
            sums = list(map(add, sums, self.cells[base : base + table.width].tolist()))
        return sums

    def of_each(self, table: Table, slot: int, field: int) -> list[int]:
        """The values of a cell in the rows of all workers."""
        return self.cells[table.cell(slot, field) :: ROW].tolist()
