"""A worker's own row of the stats board: plain numbers in shared memory that only this worker writes."""

import struct

from tidegate.dataplane.wire import Cell, Cells
from tidegate.link.board import Board, Table


class Counters:
    """Cells by absolute position, so that counting is one addition in place."""

    def __init__(self, board: Board, worker: int) -> None:
        self.cells = Cells(board.cells)
        self.workers, self.worker = board.workers, worker
        self.base_of = board.base
        self._base = board.base(worker)
        self._others = [board.base(other) for other in range(board.workers) if other != worker]

    def slot(self, table: Table, slot: int) -> int:
        """The first cell of a slot in this worker's row."""
        return self._base + table.cell(slot, 0)

    def elsewhere(self, table: Table, slot: int, field: int) -> tuple[int, ...]:
        """The same cell of all other workers, for numbers that count together."""
        return tuple(base + table.cell(slot, field) for base in self._others)


class Histogram:
    """Observations in seconds: the sum in microseconds, then a count per bucket, the last for what is above all bounds."""

    def __init__(self, counters: Counters, first: Cell, bounds: tuple[float, ...]) -> None:
        self._cells = counters.cells
        self._first = first
        self._bounds = struct.pack(f"{len(bounds)}d", *bounds)

    def observe(self, seconds: float, also: Cell) -> None:
        """Count one observation, and one more in another cell."""
        self._cells.observe(self._first, self._bounds, seconds, also)
