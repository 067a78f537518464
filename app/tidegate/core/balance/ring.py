"""Points on a circle in order, each with its owner, in short runs: a change moves the points of one run only."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

CIRCLE = 1 << 64
"""Positions on the circle are whole numbers from 0 up to this."""

LONGEST_RUN = 128

Run = tuple["array[int]", list[T]]
"""The positions of neighbours in order, and the owner of each."""


class Ring(Generic[T]):
    """Any number of points. Adding, removing and finding one costs O(log n), as far as runs of bounded length allow."""

    def __init__(self) -> None:
        self._starts = [0]  # a run holds the positions from its start up to the start of the next one
        self._runs: list[Run[T]] = [(array("Q"), [])]

    def add(self, position: int, owner: T) -> None:
        """Add a point."""
        number = bisect_right(self._starts, position) - 1
        positions, owners = self._runs[number]
        index = bisect_right(positions, position)
        positions.insert(index, position)
        owners.insert(index, owner)
        if len(positions) > LONGEST_RUN:
            self._split(number)

    def remove(self, position: int, owner: T) -> None:
        """Remove a point that is there."""
        number = bisect_right(self._starts, position) - 1
        positions, owners = self._runs[number]
        index = owners.index(owner, bisect_left(positions, position))
        del positions[index], owners[index]
        if number and not positions:
            del self._starts[number], self._runs[number]

    def clockwise(self, start: int, reach: int) -> "Iterator[tuple[int, array[int], list[T]]]":
        """The points from a position on, each once, in runs: (origin, positions, owners).

        A point's distance from the start is its position less the origin, also beyond the end of the circle. What is farther
        than `reach` may be left out.
        """
        first = bisect_right(self._starts, start) - 1
        positions, owners = self._runs[first]
        index, end = bisect_left(positions, start), bisect_right(positions, start + reach)
        yield start, positions[index:end], owners[index:end]
        if end < len(positions):
            return
        for number in range(first + 1, len(self._runs)):
            yield start, *self._runs[number]
        for number in range(first):
            yield start - CIRCLE, *self._runs[number]
        yield start - CIRCLE, positions[:index], owners[:index]

    def _split(self, number: int) -> None:
        positions, owners = self._runs[number]
        half = len(positions) // 2
        self._starts.insert(number + 1, positions[half])
        self._runs.insert(number + 1, (positions[half:], owners[half:]))
        del positions[half:], owners[half:]
