"""Which of the other workers do not accept."""

from tidegate.dataplane.accept.siblings import Siblings
from tidegate.dataplane.report.counters import Counters
from tidegate.link.board import WORKER, Board, WorkerCell

NOW = 1000.0


def say(board: Board, worker: int, *, swept_at: float, accepting: bool) -> None:
    """Let a worker say on the board when it swept, in seconds, and whether it accepts."""
    row = board.base(worker) + WORKER.cell(0, 0)
    board.cells[row + WorkerCell.SWEPT_AT_MILLISECONDS] = int(swept_at * 1000)
    board.cells[row + WorkerCell.ACCEPTING] = accepting


def test_a_worker_that_is_silent_or_says_so_or_has_never_said_anything_does_not_accept() -> None:
    board = Board.create(5)
    say(board, 0, swept_at=NOW - 0.5, accepting=True)
    say(board, 2, swept_at=NOW - 0.7, accepting=True)
    say(board, 3, swept_at=NOW - 0.1, accepting=False)
    assert Siblings(Counters(board, 1)).not_accepting(NOW) == {2, 3, 4}


def test_a_single_worker_has_no_siblings() -> None:
    assert Siblings(Counters(Board.create(1), 0)).not_accepting(NOW) == set()
