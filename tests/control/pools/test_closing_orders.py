"""What workers are told about the live sessions of a backend whose state changes."""

from collections.abc import Iterator
from dataclasses import replace
from os import close
from time import monotonic

import pytest

from tests.support.logs import captured_events
from tidegate.control.pools.closing_orders import BackendGrace, closing_orders
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.totals import Totals
from tidegate.core.pools.backend import Backend
from tidegate.core.pools.snapshot import BackendRemoved, Change, PanicChanged
from tidegate.link.board import BACKENDS, BackendCell, Board
from tidegate.link.messages import CloseSessions, KeepSessions
from tidegate.settings.parts.pool import PoolSettings

ONE, TWO, THREE = (Backend(f"10.0.0.{number}:80", f"10.0.0.{number}", 80) for number in (1, 2, 3))
CLOSE_BOTH = {"on_down": "close", "on_removed": "close"}


class Bench:
    """A pool of two usable backends, with these settings, and the orders that its changes give for three workers."""

    def __init__(self, board: Board, **settings: object) -> None:
        self.changes: list[Change | PanicChanged] = []
        health = {"type": "tcp", "rise": 1, "fall": 1}
        given = PoolSettings.model_validate({"backends": "10.0.0.1:80", "health": health, **settings})
        self.pool = LivePool("chat", given, "static", Totals(board), lambda _, changes: self.changes.extend(changes))
        self.pool.discovered([ONE, TWO])
        for backend in (ONE, TWO):
            self.pool.probed(backend.name, None, 0.001)
        self.changes.clear()

    def orders(self) -> list[CloseSessions | KeepSessions]:
        """What the changes since the last time mean."""
        changes, self.changes = self.changes, []
        return list(closing_orders(self.pool, changes, 3))


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board.create(1)
    yield board
    close(board.descriptor)


def test_sessions_are_kept_unless_the_settings_say_otherwise(board: Board) -> None:
    bench = Bench(board)
    bench.pool.probed(ONE.name, "refused", 0.001)
    bench.pool.discovered([ONE])
    assert bench.orders() == []


def test_sessions_of_a_backend_that_goes_down_are_closed_and_those_left_are_kept_once_it_is_back(board: Board) -> None:
    bench = Bench(board, on_down="close", close_window="30s", close_rate=60)
    bench.pool.probed(ONE.name, "refused", 0.001)
    assert bench.orders() == [CloseSessions("chat", ONE.name, "backend_down", 0, 0, 30.0, 20.0)], "a third for each worker"
    bench.pool.probed(ONE.name, None, 0.001)
    assert bench.orders() == [KeepSessions("chat", ONE.name)]
    bench.pool.discovered([TWO])
    assert bench.orders() == [], "leaving is another matter"


def test_sessions_of_a_backend_that_leaves_are_closed_and_those_left_are_kept_once_it_is_back(board: Board) -> None:
    bench = Bench(board, on_removed="close")
    bench.pool.discovered([TWO])
    assert bench.orders() == [CloseSessions("chat", ONE.name, "backend_removed", 0, 0, 10.0, 0.0)]
    bench.pool.discovered([ONE, TWO])
    assert bench.orders() == [KeepSessions("chat", ONE.name)]
    bench.pool.probed(ONE.name, "refused", 0.001)
    assert bench.orders() == [], "going down is another matter"


def test_a_backend_that_is_down_keeps_its_sessions_while_health_is_ignored(board: Board) -> None:
    bench = Bench(board, on_down="close", panic_threshold=60)
    bench.pool.discovered([ONE, TWO, THREE])
    bench.pool.probed(THREE.name, None, 0.001)
    bench.orders()
    bench.pool.probed(ONE.name, "refused", 0.001)
    assert [type(order) for order in bench.orders()] == [CloseSessions], "two of three are more than the threshold"
    bench.pool.probed(TWO.name, "refused", 0.001)
    assert bench.orders() == [KeepSessions("chat", ONE.name), KeepSessions("chat", TWO.name)]
    bench.pool.probed(TWO.name, None, 0.001)
    closing = CloseSessions("chat", ONE.name, "backend_down", 0, 0, 10.0, 0.0)
    assert bench.orders() == [KeepSessions("chat", TWO.name), closing]


def test_the_log_says_how_many_sessions_are_about_to_be_closed_if_there_are_any(board: Board) -> None:
    bench = Bench(board, on_down="close")
    board.cells[BACKENDS.cell(bench.pool.slots[ONE.name], BackendCell.ACTIVE)] = 7
    with captured_events() as events:
        for backend in (ONE, TWO):
            bench.pool.probed(backend.name, "refused", 0.001)
        bench.orders()
    (event,) = events
    del event["timestamp"]
    assert event == {
        "level": "warning", "event": "closing_started", "pool": "chat", "backend": ONE.name, "reason": "backend_down",
        "sessions": 7,
    }  # fmt: skip


def test_another_address_of_a_name_closes_nothing(board: Board) -> None:
    bench = Bench(board, **CLOSE_BOTH)
    bench.pool.discovered([Backend(ONE.name, "10.0.0.9", 80), TWO])
    assert bench.orders() == []


def test_a_backend_that_goes_before_its_first_probe_has_its_sessions_closed_too(board: Board) -> None:
    bench = Bench(board, **CLOSE_BOTH)
    bench.pool.discovered([Backend(ONE.name, "10.0.0.9", 80), TWO])
    bench.pool.discovered([TWO])
    assert [type(change) for change in bench.changes][-1] is BackendRemoved
    assert bench.orders() == [CloseSessions("chat", ONE.name, "backend_removed", 0, 0, 10.0, 0.0)]


def test_a_backend_that_has_left_has_its_sessions_closed_after_the_grace_once_and_kept_when_it_is_back(board: Board) -> None:
    bench = Bench(board)
    grace = BackendGrace(bench.pool, 300.0, 3)
    bench.pool.discovered([TWO])
    left = bench.pool.slots.left_at[ONE.name]
    assert list(grace.tick(left + 299)) == []
    assert list(grace.tick(left + 300.1)) == [CloseSessions("chat", ONE.name, "backend_removed", 0, 0, 10.0, 0.0)]
    assert list(grace.tick(left + 301)) == []
    bench.pool.discovered([ONE, TWO])
    assert list(grace.tick(left + 302)) == [KeepSessions("chat", ONE.name)]
    bench.pool.discovered([TWO])
    assert list(grace.tick(bench.pool.slots.left_at[ONE.name] + 299)) == [], "it has left anew"


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_wall_clock_that_jumps_changes_no_grace(board: Board, jump: float) -> None:
    bench = Bench(board)
    grace = BackendGrace(bench.pool, 300.0, 3)
    bench.pool.discovered([TWO])
    left, member = monotonic(), bench.pool.slots.leaving[ONE.name]
    bench.pool.slots.leaving[ONE.name] = replace(member, since=member.since - jump)
    assert list(grace.tick(left + 299)) == []
    assert [type(order) for order in grace.tick(left + 301)] == [CloseSessions]


def test_without_a_grace_the_sessions_of_a_backend_that_has_left_live_to_their_end(board: Board) -> None:
    bench = Bench(board)
    grace = BackendGrace(bench.pool, 0.0, 3)
    bench.pool.discovered([TWO])
    assert list(grace.tick(monotonic() + 86_400)) == []


def with_backup(board: Board, **settings: object) -> Bench:
    """Two primaries and a backup, all up."""
    bench = Bench(board, on_primary_up="close", **settings)
    bench.pool.discovered([ONE, TWO, STANDBY])
    bench.pool.probed(STANDBY.name, None, 0.001)
    bench.changes.clear()
    return bench


STANDBY = replace(THREE, backup=True)
GIVEN_BACK = CloseSessions("chat", STANDBY.name, "rebalance", 0, 0, 30.0, 20.0)


def test_backups_give_their_sessions_back_when_a_primary_comes_up(board: Board) -> None:
    bench = with_backup(board, close_window="30s", close_rate=60)
    bench.pool.probed(ONE.name, "refused", 0.001)
    assert bench.orders() == []
    bench.pool.probed(ONE.name, None, 0.001)
    assert bench.orders() == [GIVEN_BACK]
    bench.pool.probed(STANDBY.name, "refused", 0.001)
    bench.pool.probed(STANDBY.name, None, 0.001)
    assert bench.orders() == [], "it is no primary"


def test_backups_keep_the_sessions_that_they_still_have_when_the_last_primary_goes(board: Board) -> None:
    bench = with_backup(board)
    for primary in (ONE, TWO):
        assert bench.orders() == []
        bench.pool.probed(primary.name, "refused", 0.001)
    assert bench.orders() == [KeepSessions("chat", STANDBY.name)]
    bench.pool.discovered([STANDBY])
    assert bench.orders() == [KeepSessions("chat", STANDBY.name)]


def test_a_backup_that_is_down_keeps_no_sessions_that_on_down_closes(board: Board) -> None:
    bench = with_backup(board, on_down="close")
    for backend in (STANDBY, ONE, TWO):
        bench.pool.probed(backend.name, "refused", 0.001)
    assert KeepSessions("chat", STANDBY.name) not in bench.orders()


def test_without_being_told_backups_keep_their_sessions_when_a_primary_comes_up(board: Board) -> None:
    bench = Bench(board, **CLOSE_BOTH)
    bench.pool.discovered([ONE, TWO, STANDBY])
    bench.pool.probed(STANDBY.name, None, 0.001)
    bench.pool.probed(ONE.name, "refused", 0.001)
    bench.orders()
    bench.pool.probed(ONE.name, None, 0.001)
    assert bench.orders() == [KeepSessions("chat", ONE.name)]
