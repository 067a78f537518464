"""Says which of the other workers do not accept: those that say so, and those that are silent.

Their sockets are watched by the workers that do, so that no client waits for a worker that is stopped, paused or dead. All
others' sockets are left alone: the kernel spreads clients over the sockets, and so over the workers.
"""

from tidegate.dataplane.report.counters import Counters
from tidegate.link.board import SWEEP_INTERVAL, WORKER, WorkerCell

LOOK_INTERVAL = 0.25  # seconds
SILENT_AFTER = SWEEP_INTERVAL + 0.1  # seconds; with one look more, a client waits for less than a second


class Siblings:
    """What the other workers say of themselves on the board."""

    def __init__(self, counters: Counters) -> None:
        self._cells = counters.cells
        self._rows = {
            worker: base + WORKER.cell(0, 0)
            for worker, base in enumerate(map(counters.base_of, range(counters.workers)))
            if worker != counters.worker
        }

    def not_accepting(self, now: float) -> set[int]:
        """The numbers of those workers. `now` is of the monotonic clock, in seconds."""
        alive_since = (now - SILENT_AFTER) * 1000
        return {
            worker
            for worker, row in self._rows.items()
            if not self._cells[row + WorkerCell.ACCEPTING]
            or self._cells[row + WorkerCell.SWEPT_AT_MILLISECONDS] < alive_since
        }
