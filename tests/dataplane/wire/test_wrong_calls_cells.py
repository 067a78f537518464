"""Wrong calls of the cells: each says so, and none reads or writes what is not its own."""

import ctypes
import math
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.dataplane.wire.bench import BEYOND, HUGE, Bench, Owner


def board(cells: int = 4) -> memoryview:
    return memoryview(bytearray(8 * cells)).cast("Q")


@pytest.mark.parametrize(
    "wrong",
    [
        None, 5, "board", b"12345678", bytearray(64), memoryview(bytes(64)).cast("Q"),
        memoryview(bytearray(64)).cast("d"), memoryview(bytearray(64)).cast("I"), memoryview(bytearray(64)).cast("q"),
    ],
)  # fmt: skip
def test_what_is_no_board_is_refused(wire: Any, wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError, BufferError)):
        wire.Cells(wrong)


def test_a_board_with_gaps_or_between_two_numbers_is_refused_or_works(wire: Any) -> None:
    for odd in (board(8)[::2], memoryview(bytearray(65))[1:].cast("Q")):
        with suppress(ValueError, BufferError):
            cells = wire.Cells(odd)
            cells[3] = 7
            assert odd[3] == 7


@pytest.mark.parametrize("position", [4, -1, -5, HUGE, -HUGE, sys.maxsize, -sys.maxsize - 1, BEYOND, None, "1"])
def test_a_cell_that_there_is_not_is_refused(wire: Any, bench: Bench, position: Any) -> None:
    numbers = board()
    cells = wire.Cells(numbers)
    flows = bench.loop.flows(Owner(), 0, 1)
    flows[0].moved = 1
    bounds = struct.pack("2d", 0.1, 1)
    calls: list[Callable[[], Any]] = [
        lambda: cells[position], lambda: cells.one_more(position), lambda: cells.one_less(position),
        lambda: cells.one_more(0, position), lambda: cells.one_more(0, 0, position), lambda: cells.one_less(0, position),
        lambda: cells.count_moved(*flows, position, 0, 0, 0), lambda: cells.count_moved(*flows, 0, 0, 0, position),
        lambda: cells.observe(position, bounds, 0.5, 0), lambda: cells.observe(0, bounds, 0.5, position),
        lambda: cells.__setitem__(position, 1),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises((IndexError, TypeError, OverflowError)):
            call()
    assert all(number < 10 for number in numbers)


def test_a_histogram_that_does_not_fit_is_refused(wire: Any) -> None:
    cells = wire.Cells(board(4))
    cells.observe(0, struct.pack("2d", 0.1, 1), 5.0, 0)  # a sum and three buckets
    for first, bounds in (
        (1, struct.pack("2d", 0.1, 1)),
        (0, struct.pack("3d", 0.1, 1, 2)),
        (0, struct.pack("900d", *range(900))),
    ):
        with pytest.raises(IndexError):
            cells.observe(first, bounds, 1e9, 0)
    for wrong in (None, "12345678", [0.1]):
        with pytest.raises((TypeError, ValueError)):
            cells.observe(0, wrong, 1.0, 0)
    with pytest.raises(ValueError, match="bounds are doubles"):
        cells.observe(0, b"1234567", 1.0, 0)


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, -1.0, -5e-324, 1e300, None, "1"])
def test_what_is_no_number_of_seconds_is_not_counted(wire: Any, seconds: Any) -> None:
    numbers = board()
    with pytest.raises((ValueError, TypeError)):
        wire.Cells(numbers).observe(0, struct.pack("2d", 0.1, 1), seconds, 0)
    assert list(numbers) == [0] * 4


def test_a_cell_does_not_go_below_zero_or_beyond_its_size(wire: Any) -> None:
    numbers = board()
    cells = wire.Cells(numbers)
    cells[1] = 1
    for positions in ((0,), (1, 0), (1, 1, 0)):
        with pytest.raises(ValueError, match="0 already"):
            cells.one_less(*positions)
    for number in (-1, 2**64, None, "1"):
        with pytest.raises((ValueError, TypeError, OverflowError)):
            cells[0] = number
    with pytest.raises((TypeError, NotImplementedError, AttributeError)):
        del cells[0]
    assert list(numbers) == [0, 1, 0, 0]


def test_a_board_that_is_given_back_is_not_touched_any_more(wire: Any) -> None:
    memory = bytearray(64)
    numbers = memoryview(memory).cast("Q")
    cells = wire.Cells(numbers)
    try:
        numbers.release()
    except BufferError:  # the native module holds it
        with pytest.raises(BufferError):
            memory.clear()
    with suppress(ValueError):
        cells.one_more(0)
    del cells
    with suppress(ValueError):
        numbers.release()
    ctypes.c_char.from_buffer(memory)
