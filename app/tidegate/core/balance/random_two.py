"""The power of two choices: the less loaded of two random backends, nearly as even as comparing all of them.

Source: Mitzenmacher, "The power of two choices in randomized load balancing" (1996).
"""

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from tidegate.core.balance.fenwick import FenwickTree
from tidegate.core.balance.policy import MOST_REFUSALS, C, Policy, Usable


class RandomTwo(Policy[C]):
    """Draws two different candidates in proportion to weight, and picks the one with fewer connections per weight.

    `random` returns numbers uniform in [0, 1).
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._candidates: list[C] = []
        self._indexes: dict[C, int] = {}
        self._weights = FenwickTree()

    def add(self, candidate: C) -> None:
        """Add the candidate."""
        self._indexes[candidate] = len(self._candidates)
        self._candidates.append(candidate)
        self._weights.append(candidate.weight)

    def remove(self, candidate: C) -> None:
        """Remove the candidate. The last one moves to its index."""
        index = self._indexes.pop(candidate)
        last = self._candidates.pop()
        self._weights.pop()
        if last is not candidate:
            self._indexes[last] = index
            self._candidates[index] = last
            self._weights.add(index, last.weight - candidate.weight)

    def pick(self, client: str, usable: Usable[C]) -> C | None:  # noqa: ARG002
        """The less loaded of two usable candidates, or the only one."""
        first = self._draw(usable)
        if first is None:
            return None
        second = self._draw(usable, other_than=first)
        if second is None or (first.active + 1) * second.weight <= (second.active + 1) * first.weight:
            return first
        return second

    def _draw(self, usable: Usable[C], other_than: C | None = None) -> C | None:
        """A usable candidate, drawn in proportion to weight."""
        weights = self._weights
        start, length = (0, 0) if other_than is None else (weights.sum_before(self._indexes[other_than]), other_than.weight)
        if weights.total == length:
            return None
        for _ in range(MOST_REFUSALS):
            point = int(self._random() * (weights.total - length))
            candidate = self._candidates[weights.find(point if point < start else point + length)]
            if usable(candidate):
                return candidate
        return self._draw_from([c for c in self._candidates if c is not other_than and usable(c)])

    def _draw_from(self, candidates: list[C]) -> C | None:
        if not candidates:
            return None
        sums = list(accumulate(candidate.weight for candidate in candidates))
        return candidates[bisect_right(sums, int(self._random() * sums[-1]))]
