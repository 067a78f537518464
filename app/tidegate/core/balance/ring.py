"""A sorted circle of points, each with an owner. It is stored in short runs, so that a change shifts only one run."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

CIRCLE = 1 << 64
"""The length of the circle: positions are integers from 0 to this, exclusive."""

LONGEST_RUN = 128

Run = tuple["array[int]", list[T]]
"""Neighbouring positions in order, and the owner of each."""


class Ring(Generic[T]):
    """The points. Adding, removing and finding one is a binary search, plus a shift of one run of bounded length."""

    def __init__(self) -> None:
        self._starts = [0]  # a run holds the positions from its start to the start of the next run
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
        """Remove a point that was added."""
        number = bisect_right(self._starts, position) - 1
        positions, owners = self._runs[number]
        index = owners.index(owner, bisect_left(positions, position))
        del positions[index], owners[index]
        if number and not positions:
            del self._starts[number], self._runs[number]

    def clockwise(self, start: int, reach: int) -> "Iterator[tuple[int, array[int], list[T]]]":
        """All points clockwise from `start`, each once, in runs: (origin, positions, owners).

        A point's distance from the start is its position minus the origin, also beyond the end of the circle. Points farther
        away than `reach` may be left out.
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
