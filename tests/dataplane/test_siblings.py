"""Whose sockets a worker watches anew."""

from app.dataplane.counters import Counters
from app.dataplane.siblings import Siblings
from app.link.board import WORKER, Board, WorkerCell

NOW = 1000.0


def say(board: Board, worker: int, *, swept_at: float, accepts_since: int) -> None:
    """Let a worker say on the board when it swept, in seconds, and since when it accepts."""
    row = board.base(worker) + WORKER.cell(0, 0)
    board.cells[row + WorkerCell.SWEPT_AT_MILLISECONDS] = int(swept_at * 1000)
    board.cells[row + WorkerCell.ACCEPTS_SINCE_MICROSECONDS] = accepts_since


def test_sockets_are_watched_anew_once_after_their_worker_has_begun_to_accept_and_as_long_as_it_is_silent() -> None:
    board = Board.create(4)
    siblings = Siblings(Counters(board, 1))
    for worker in range(3):
        say(board, worker, swept_at=NOW - 0.4, accepts_since=7)
    assert list(siblings.to_watch_anew(NOW)) == [0, 2, 3], "0 and 2 have begun, 3 has never said anything, 1 is this worker"
    assert list(siblings.to_watch_anew(NOW)) == [3]
    say(board, 0, swept_at=NOW + 0.1, accepts_since=7)
    assert list(siblings.to_watch_anew(NOW + 0.3)) == [2, 3], "2 is silent for longer than a sweep takes"
    assert list(siblings.to_watch_anew(NOW + 0.3)) == [2, 3]
    say(board, 2, swept_at=NOW + 0.2, accepts_since=8)
    assert list(siblings.to_watch_anew(NOW + 0.3)) == [2, 3]
    assert list(siblings.to_watch_anew(NOW + 0.3)) == [3]


def test_a_single_worker_has_nothing_to_watch_for_others() -> None:
    assert list(Siblings(Counters(Board.create(1), 0)).to_watch_anew(NOW)) == []
