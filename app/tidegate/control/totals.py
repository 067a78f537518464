"""Totals over all workers, past and present, and who has which slot on the stats board.

A counter's total is what the workers' rows hold now, plus a base: what dead workers had counted, less what a slot's
earlier owner had. So no counter ever goes backwards, and no cell needs a second writer while its worker lives.
"""

from collections import deque
from operator import add
from time import monotonic
from typing import NamedTuple

from tidegate.core.reasons import CloseReason
from tidegate.link.board import (
    BACKENDS,
    CLIENTS,
    CLOSED_CELL,
    LISTENERS,
    POOLS,
    SWEEP_INTERVAL,
    WORKER,
    BackendCell,
    Board,
    ListenerCell,
    PoolCell,
    Table,
    WorkerCell,
)

GAUGES: dict[Table, frozenset[int]] = {
    WORKER: frozenset(set(WorkerCell) - {WorkerCell.LOG_LINES_DROPPED}),
    LISTENERS: frozenset({ListenerCell.ACTIVE, ListenerCell.OPEN}),
    POOLS: frozenset({PoolCell.ACTIVE, PoolCell.QUEUED}),
    BACKENDS: frozenset({BackendCell.ACTIVE}),
}


class BoardFullError(Exception):
    """More listeners, pools or backends than the board has slots for."""


class Loss(NamedTuple):
    """What was lost with a worker: live sessions, and log lines of sessions that had ended shortly before."""

    sessions: int
    log_lines: int


class Totals:
    """Reads the board; allocates and frees slots; folds the row of a dead worker into the base."""

    def __init__(self, board: Board, *, log_sessions: bool = True) -> None:
        """`log_sessions` says whether workers write a line for each session."""
        self.board = board
        self.log_lines_lost = 0  # of sessions, with workers that have died
        self._log_sessions = log_sessions
        self._base: dict[Table, dict[int, list[int]]] = {
            table: {} for table in GAUGES
        }  # by slot; none where it is all zeros
        self._used: dict[Table, set[int]] = {table: set() for table in GAUGES}
        self._free: dict[Table, deque[int]] = {table: deque(range(table.capacity)) for table in GAUGES}
        self.allocate(WORKER)

    def allocate(self, table: Table) -> int:
        """A slot whose numbers all read zero."""
        if not self._free[table]:
            raise BoardFullError(f"more than {table.capacity} are not supported")
        slot = self._free[table].popleft()  # the one free for longest: a slow worker may still count on others
        self._used[table].add(slot)
        held = self.board.sums(table, slot)
        if any(held):
            self._base[table][slot] = [-value for value in held]
        return slot

    def room(self, table: Table) -> int:
        """How many slots can still be allocated."""
        return len(self._free[table])

    def free(self, table: Table, slot: int) -> None:
        """Give a slot back whose last connection has closed."""
        self._used[table].remove(slot)
        self._free[table].append(slot)
        self._base[table].pop(slot, None)

    def of_slot(self, table: Table, slot: int) -> list[int]:
        """All numbers of a slot over all workers, past and present, in the order of its cells."""
        sums = self.board.sums(table, slot)
        base = self._base[table].get(slot)
        return list(map(add, base, sums)) if base else sums

    def total(self, table: Table, slot: int, field: int) -> int:
        """One number over all workers, past and present."""
        base = self._base[table].get(slot)
        return (base[field] if base else 0) + self.board.sum(table, slot, field)

    def by_worker(self, table: Table, slot: int, field: int) -> list[int]:
        """A gauge of each worker, in the order of their numbers."""
        return self.board.of_each(table, slot, field)

    def of_worker(self, worker: int, table: Table, field: int) -> int:
        """One number of one worker, over all slots of a table."""
        base = self.board.base(worker)
        return sum(self.board.cells[base + table.cell(slot, field)] for slot in self._used[table])

    def expect_life(self, worker: int) -> None:
        """Note that a worker is about to start: it does not accept yet, and its silence counts from now on."""
        row = self.board.base(worker) + WORKER.cell(0, 0)
        self.board.cells[row + WorkerCell.SWEPT_AT_MILLISECONDS] = int(monotonic() * 1000)
        self.board.cells[row + WorkerCell.ACCEPTING] = 0

    def sign_of_life(self, worker: int) -> int:
        """When a worker last swept or was started, in milliseconds of the monotonic clock; 0 while there is none."""
        return self.board.cells[self.board.base(worker) + WORKER.cell(0, WorkerCell.SWEPT_AT_MILLISECONDS)]

    def silent_for(self, worker: int) -> float:
        """Seconds since the last sign of life of a worker, or since its start; 0 while there is none."""
        sign = self.sign_of_life(worker)
        return max(0.0, monotonic() - sign / 1000) if sign else 0.0

    def loop_lag(self, worker: int) -> float:
        """How late a worker's last sweep was in seconds, or how long the next one has been missing."""
        cell = self.board.base(worker) + WORKER.cell(0, WorkerCell.LOOP_LAG_MICROSECONDS)
        return max(self.board.cells[cell] / 1e6, self.silent_for(worker) - SWEEP_INTERVAL)

    def fold(self, worker: int) -> Loss:
        """Add the numbers of a worker that has died to the totals, and answer what was lost with it.

        Its gauges become 0, and its sessions count as closed with the reason `worker_lost`.
        """
        base = self.board.base(worker)
        lines = self._lines_not_written(base) if self._log_sessions else 0
        self.log_lines_lost += lines
        if self.board.cells[base + WORKER.cell(0, WorkerCell.COUNTED_CLIENTS)]:
            self.board.clear(worker, CLIENTS)
        lost = 0
        for table, gauges in GAUGES.items():
            for slot in self._used[table]:
                first = base + table.cell(slot, 0)
                for field in range(table.width):
                    value, self.board.cells[first + field] = self.board.cells[first + field], 0
                    if field not in gauges:
                        self._add(table, slot, field, value)
                    elif table is POOLS and field == PoolCell.ACTIVE:
                        lost += value
                        self._add(table, slot, CLOSED_CELL[CloseReason.WORKER_LOST], value)
        return Loss(lost, lines)

    def _add(self, table: Table, slot: int, field: int, value: int) -> None:
        if value:
            self._base[table].setdefault(slot, [0] * table.width)[field] += value

    def _lines_not_written(self, base: int) -> int:
        """How many sessions a worker has closed without their lines being written; its row begins at `base`.

        Lines about bugs that waited before those of sessions count, too: the worker knows how many lines wait, not which.
        """
        cells = self.board.cells
        closed = sum(cells[base + POOLS.cell(slot, cell)] for slot in self._used[POOLS] for cell in CLOSED_CELL.values())
        return max(0, closed - cells[base + WORKER.cell(0, WorkerCell.SESSIONS_LOGGED)])
