"""Totals over workers that come and go, on slots that are given away again."""

from collections import Counter
from collections.abc import Iterator
from os import close

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.control.totals import BoardFullError, Totals
from tidegate.core.reasons import CloseReason
from tidegate.link.board import (
    BACKENDS,
    CLIENTS,
    CLOSED_CELL,
    LISTENERS,
    POOLS,
    WORKER,
    BackendCell,
    Board,
    ClientCell,
    ListenerCell,
    PoolCell,
    Table,
    WorkerCell,
)

WORKERS = 2


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board.create(WORKERS)
    yield board
    close(board.descriptor)


def count(board: Board, worker: int, table: Table, slot: int, field: int, amount: int = 1) -> None:
    """What a worker does."""
    board.cells[board.base(worker) + table.cell(slot, field)] += amount


def test_a_total_is_the_sum_over_all_workers(board: Board) -> None:
    totals = Totals(board)
    slot = totals.allocate(LISTENERS)
    count(board, 0, LISTENERS, slot, ListenerCell.TOTAL, 3)
    count(board, 1, LISTENERS, slot, ListenerCell.TOTAL, 4)
    assert totals.total(LISTENERS, slot, ListenerCell.TOTAL) == 7
    assert totals.of_worker(1, LISTENERS, ListenerCell.TOTAL) == 4


def test_a_slot_that_is_used_again_reads_zero_in_every_field(board: Board) -> None:
    totals = Totals(board)
    slot = totals.allocate(BACKENDS)
    for field in range(BACKENDS.width):
        if field != BackendCell.ACTIVE:
            count(board, 0, BACKENDS, slot, field, 10 + field)
            count(board, 1, BACKENDS, slot, field, 20 + field)
    totals.free(BACKENDS, slot)
    assert slot in [totals.allocate(BACKENDS) for _ in range(BACKENDS.capacity)]
    assert {totals.total(BACKENDS, slot, field) for field in range(BACKENDS.width)} == {0}
    count(board, 1, BACKENDS, slot, BackendCell.TOTAL)
    assert totals.total(BACKENDS, slot, BackendCell.TOTAL) == 1
    totals.fold(0)
    assert totals.total(BACKENDS, slot, BackendCell.TOTAL) == 1, "what the earlier owner had stays out of it"


def test_a_dead_worker_leaves_its_totals_and_takes_its_gauges(board: Board) -> None:
    totals = Totals(board)
    listener, pool, backend = (totals.allocate(table) for table in (LISTENERS, POOLS, BACKENDS))
    for worker, sessions in ((0, 5), (1, 2)):
        count(board, worker, LISTENERS, listener, ListenerCell.ACTIVE, sessions)
        count(board, worker, LISTENERS, listener, ListenerCell.TOTAL, 100)
        count(board, worker, POOLS, pool, PoolCell.ACTIVE, sessions)
        count(board, worker, BACKENDS, backend, BackendCell.ACTIVE, sessions)
        count(board, worker, BACKENDS, backend, BackendCell.SENT_BYTES, 1000)
    assert totals.fold(0).sessions == 5
    assert totals.total(LISTENERS, listener, ListenerCell.ACTIVE) == 2
    assert totals.total(BACKENDS, backend, BackendCell.ACTIVE) == 2
    assert totals.total(LISTENERS, listener, ListenerCell.TOTAL) == 200
    assert totals.total(BACKENDS, backend, BackendCell.SENT_BYTES) == 2000
    assert totals.total(POOLS, pool, CLOSED_CELL[CloseReason.WORKER_LOST]) == 5
    first = board.base(0)
    assert not any(board.cells[first + LISTENERS.cell(listener, field)] for field in range(LISTENERS.width))
    assert totals.fold(0) == (0, 0), "there is nothing left of it"


@pytest.mark.parametrize(("log_sessions", "lost"), [(True, 3), (False, 0)])
def test_lines_of_ended_sessions_that_a_dead_worker_had_not_written_are_counted(
    board: Board, *, log_sessions: bool, lost: int
) -> None:
    totals = Totals(board, log_sessions=log_sessions)
    for _ in range(2):
        pool = totals.allocate(POOLS)
        count(board, 0, POOLS, pool, CLOSED_CELL[CloseReason.CLIENT_EOF], 3)
        count(board, 0, POOLS, pool, CLOSED_CELL[CloseReason.REJECTED], 1)
    count(board, 0, WORKER, 0, WorkerCell.SESSIONS_LOGGED, 5)
    count(board, 0, POOLS, pool, PoolCell.ACTIVE, 9)
    assert totals.fold(0) == (9, lost), "sessions that lived have no line to lose"
    assert totals.fold(0) == (0, 0)
    assert totals.log_lines_lost == lost


def test_a_dead_worker_leaves_no_counted_clients_and_no_sessions_that_were_queued_only(board: Board) -> None:
    totals = Totals(board)
    pool = totals.allocate(POOLS)
    for worker in range(WORKERS):
        count(board, worker, WORKER, 0, WorkerCell.COUNTED_CLIENTS)
        count(board, worker, CLIENTS, 77, ClientCell.KEY, 12345)
        count(board, worker, CLIENTS, 77, ClientCell.ACTIVE, 2)
        count(board, worker, POOLS, pool, PoolCell.ACTIVE, 3)
        count(board, worker, POOLS, pool, PoolCell.QUEUED, 1)
    assert totals.fold(0).sessions == 3, "who waits is a session, and is lost once"
    assert totals.total(POOLS, pool, PoolCell.QUEUED) == 1
    assert [board.cells[board.base(worker) + CLIENTS.cell(77, ClientCell.ACTIVE)] for worker in range(WORKERS)] == [0, 2]
    assert board.cells[board.base(0) + WORKER.cell(0, WorkerCell.COUNTED_CLIENTS)] == 0


def test_a_full_board_says_so(board: Board) -> None:
    totals = Totals(board)
    slots = {totals.allocate(POOLS) for _ in range(POOLS.capacity)}
    assert slots == set(range(POOLS.capacity))
    with pytest.raises(BoardFullError, match=f"more than {POOLS.capacity}"):
        totals.allocate(POOLS)
    totals.free(POOLS, 7)
    assert totals.allocate(POOLS) == 7


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("count"), st.integers(0, WORKERS - 1), st.integers(0, 2), st.integers(1, 1000)),
        st.tuples(st.just("die"), st.integers(0, WORKERS - 1), st.just(0), st.just(0)),
        st.tuples(st.just("replace"), st.just(0), st.integers(0, 2), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_no_counter_goes_backwards_or_forgets_whatever_happens(steps: list[tuple[str, int, int, int]]) -> None:
    board = Board.create(WORKERS)
    try:
        totals = Totals(board)
        slots = [totals.allocate(BACKENDS) for _ in range(3)]
        expected: Counter[int] = Counter()
        for step, worker, index, amount in steps:
            match step:
                case "count":
                    count(board, worker, BACKENDS, slots[index], BackendCell.TOTAL, amount)
                    expected[index] += amount
                case "die":
                    totals.fold(worker)
                case "replace":
                    totals.free(BACKENDS, slots[index])
                    slots[index] = totals.allocate(BACKENDS)
                    expected[index] = 0
            shown = [totals.total(BACKENDS, slot, BackendCell.TOTAL) for slot in slots]
            assert shown == [expected[index] for index in range(3)]
            assert [totals.of_slot(BACKENDS, slot)[BackendCell.TOTAL] for slot in slots] == shown
    finally:
        close(board.descriptor)
