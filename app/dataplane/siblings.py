"""Says whose sockets to watch anew: those of workers that are silent, or that have begun to accept again.

Every worker watches the sockets of all workers with EPOLLEXCLUSIVE, its own before those of the others. The kernel wakes the
first one that is in epoll_wait: the owner, unless it is busy, stopped, paused or dead. To watch a socket anew moves this
worker behind all others that watch it, and reports the connections that are queued already.
"""

from collections.abc import Iterator

from app.dataplane.counters import Counters
from app.link.board import SWEEP_INTERVAL, WORKER, WorkerCell

SILENT_AFTER = (
    SWEEP_INTERVAL  # seconds; a worker that is only late loses no more than the order of those that watch its sockets
)


class Siblings:
    """What the other workers have said of themselves on the board."""

    def __init__(self, counters: Counters) -> None:
        self._cells = counters.cells
        self._rows = {
            worker: base + WORKER.cell(0, 0)
            for worker, base in enumerate(map(counters.base_of, range(counters.workers)))
            if worker != counters.worker
        }
        self._known = dict.fromkeys(self._rows, 0)

    def to_watch_anew(self, now: float) -> Iterator[int]:
        """The numbers of those workers. `now` is of the monotonic clock, in seconds."""
        alive_since = (now - SILENT_AFTER) * 1000
        for worker, row in self._rows.items():
            accepts_since = self._cells[row + WorkerCell.ACCEPTS_SINCE_MICROSECONDS]
            if accepts_since != self._known[worker] or self._cells[row + WorkerCell.SWEPT_AT_MILLISECONDS] < alive_since:
                self._known[worker] = accepts_since
                yield worker
