"""The stats board."""

import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.buckets import CONNECT_BUCKETS, DURATION_BUCKETS
from tidegate.core.reasons import CloseReason, ConnectFailure, RejectReason
from tidegate.link.board import (
    BACKENDS,
    CLIENTS,
    CLOSED_CELL,
    FAILURE_CELL,
    LISTENERS,
    POOLS,
    REJECTED_CELL,
    ROW,
    WORKER,
    BackendCell,
    Board,
    ClientCell,
    ListenerCell,
    PoolCell,
    Table,
    WorkerCell,
)

WORKERS = 3
TABLES = {"worker": WORKER, "listeners": LISTENERS, "pools": POOLS, "backends": BACKENDS, "clients": CLIENTS}
EVERY_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
PLACES = st.sampled_from(list(TABLES.values())).flatmap(
    lambda table: st.tuples(
        st.integers(0, WORKERS - 1),
        st.just(table),
        st.integers(0, table.capacity - 1) | st.just(table.capacity - 1),
        st.integers(0, table.width - 1),
    )
)
Place = tuple[int, Table, int, int]


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board.create(WORKERS)
    yield made
    os.close(made.descriptor)


def position(board: Board, place: Place) -> int:
    worker, table, slot, field = place
    return board.base(worker) + table.cell(slot, field)


def test_a_new_board_is_all_zeros_and_has_a_row_per_worker() -> None:
    board = Board.create(WORKERS)
    try:
        assert len(board.cells) == WORKERS * ROW
        assert not board.cells.tobytes().strip(b"\0")
        assert os.fstat(board.descriptor).st_size == WORKERS * ROW * 8
    finally:
        os.close(board.descriptor)


def test_a_new_board_takes_hardly_any_memory(board: Board) -> None:
    board.cells[position(board, (WORKERS - 1, BACKENDS, BACKENDS.capacity - 1, 0))] = 1
    assert os.fstat(board.descriptor).st_blocks * 512 <= 4 * mmap.PAGESIZE


@given(PLACES, PLACES)
def test_cells_of_different_workers_tables_slots_and_fields_never_overlap(one: Place, other: Place) -> None:
    positions = [worker * ROW + table.cell(slot, field) for worker, table, slot, field in (one, other)]
    assert all(0 <= position < WORKERS * ROW for position in positions)
    assert (positions[0] == positions[1]) == (one == other)


@EVERY_TABLE
def test_a_table_has_each_of_its_cells_once(table: Table) -> None:
    cells = [table.cell(slot, field) for slot in range(table.capacity) for field in range(table.width)]
    assert sorted(cells) == list(range(table.offset, table.end))


def test_the_tables_fill_a_row_without_gaps() -> None:
    ends = [0, WORKER.end, LISTENERS.end, POOLS.end, BACKENDS.end, CLIENTS.end]
    assert [table.offset for table in TABLES.values()] == ends[:-1]
    assert ends[-1] == ROW
    assert [table.end - table.offset for table in TABLES.values()] == [t.width * t.capacity for t in TABLES.values()]


def test_there_is_room_for_thousands_of_backends_in_few_megabytes() -> None:
    assert BACKENDS.capacity >= 10_000
    assert min(LISTENERS.capacity, POOLS.capacity) >= 256
    assert ROW * 8 < 4 * 2**20


@pytest.mark.parametrize(
    ("table", "fields"),
    [
        pytest.param(WORKER, list(WorkerCell), id="worker"),
        pytest.param(LISTENERS, [ListenerCell.ACTIVE, ListenerCell.TOTAL, ListenerCell.ACCEPT_PAUSES,
                                 ListenerCell.RATE_PAUSES, ListenerCell.OPEN, *REJECTED_CELL.values()], id="listener"),
        pytest.param(CLIENTS, list(ClientCell), id="client"),
        pytest.param(BACKENDS, [BackendCell.ACTIVE, BackendCell.TOTAL, BackendCell.SENT_BYTES, BackendCell.RECEIVED_BYTES,
                                BackendCell.GOOD, *FAILURE_CELL.values()], id="backend"),
        pytest.param(POOLS, [PoolCell.ACTIVE, PoolCell.COPIED_BYTES, PoolCell.SPLICED_BYTES, PoolCell.QUEUED,
                             *CLOSED_CELL.values(),
                             *range(PoolCell.CONNECT, PoolCell.CONNECT + 1 + len(CONNECT_BUCKETS) + 1),
                             *range(PoolCell.DURATION, PoolCell.DURATION + 1 + len(DURATION_BUCKETS) + 1)], id="pool"),
    ],
)  # fmt: skip
def test_every_field_of_a_slot_has_a_cell_of_its_own_and_every_cell_a_field(table: Table, fields: list[int]) -> None:
    assert sorted(fields) == list(range(table.width))


@pytest.mark.parametrize(
    ("cells", "first", "words"),
    [
        pytest.param(CLOSED_CELL, PoolCell.CLOSED, list(CloseReason), id="close-reasons"),
        pytest.param(FAILURE_CELL, BackendCell.FAILURES, list(ConnectFailure), id="connect-failures"),
        pytest.param(REJECTED_CELL, ListenerCell.REJECTED, list(RejectReason), id="reject-reasons"),
    ],
)
def test_reasons_have_cells_in_the_order_of_their_list(cells: dict[str, int], first: IntEnum, words: list[str]) -> None:
    assert list(cells.items()) == [(word, first + index) for index, word in enumerate(words)]


@EVERY_TABLE
def test_a_sum_is_over_the_rows_of_all_workers_and_nothing_else(board: Board, table: Table) -> None:
    slot, field = table.capacity - 1, table.width - 1
    for worker in range(WORKERS):
        cell = position(board, (worker, table, slot, field))
        board.cells[cell] = 10**worker
        for neighbour in (cell - 1, cell + 1):
            if 0 <= neighbour < len(board.cells):
                board.cells[neighbour] = 10**9
    assert board.sum(table, slot, field) == 111


@given(values=st.lists(st.tuples(PLACES, st.integers(0, 2**64 - 1)), max_size=20))
def test_the_board_holds_what_was_written_last(values: list[tuple[Place, int]]) -> None:
    board = Board.create(WORKERS)
    try:
        expected: dict[Place, int] = {}
        for place, value in values:
            board.cells[position(board, place)] = value
            expected[place] = value
        for _, table, slot, field in expected:
            total = sum(expected.get((worker, table, slot, field), 0) for worker in range(WORKERS))
            assert board.sum(table, slot, field) == total
    finally:
        os.close(board.descriptor)


def test_clearing_a_table_changes_nothing_else(board: Board) -> None:
    for index in range(len(board.cells)):
        board.cells[index] = 1
    board.clear(1, LISTENERS)
    zeros = [index for index, value in enumerate(board.cells) if not value]
    assert zeros == list(range(board.base(1) + LISTENERS.offset, board.base(1) + LISTENERS.end))


def test_a_number_cannot_be_negative_or_wider_than_a_cell(board: Board) -> None:
    for number in (-1, 2**64):
        with pytest.raises(ValueError, match="invalid value"):
            board.cells[0] = number


WRITE = """
import sys
from tidegate.link.board import BACKENDS, Board
descriptor, workers, worker, slot = map(int, sys.argv[1:])
board = Board(descriptor, workers)
board.cells[board.base(worker) + BACKENDS.cell(slot, 0)] += 5
print(board.sum(BACKENDS, slot, 0))
"""


def test_another_process_maps_the_same_numbers(board: Board) -> None:
    slot = BACKENDS.capacity - 1
    board.cells[position(board, (0, BACKENDS, slot, 0))] = 7
    for worker, total in ((1, "12\n"), (2, "17\n")):
        arguments = map(str, (board.descriptor, WORKERS, worker, slot))
        process = subprocess.run(
            [sys.executable, "-c", WRITE, *arguments],
            pass_fds=[board.descriptor],
            capture_output=True,
            text=True,
            check=True,
        )
        assert process.stdout == total
    assert board.sum(BACKENDS, slot, 0) == 17
    row = board.cells[board.base(1) : board.base(2)]
    assert [(index, value) for index, value in enumerate(row) if value] == [(BACKENDS.cell(slot, 0), 5)]


def test_a_board_is_not_inherited_unless_it_is_passed_on(board: Board) -> None:
    assert not os.get_inheritable(board.descriptor)
