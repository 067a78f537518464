"""Smooth weighted round robin: heavier backends get more turns, evenly spread instead of in bursts.

At least as smooth as nginx's, with O(log n) a pick instead of O(n): earliest eligible virtual deadline first (Stoica and
Abdel-Wahab, 1995). Each candidate has one turn at a time, which lasts 1/weight of virtual time. A turn is due once it has
started. A pick takes the due turn that ends first. So a candidate is always less than one turn ahead of its share, or
behind it.
"""

from heapq import heapify, heappop, heappush
from itertools import count
from math import lcm
from typing import Generic

from tidegate.core.balance.policy import MOST_REFUSALS, C, Policy, Usable

ROUND = lcm(*range(1, 33))
"""How long a turn of weight 1 lasts. Virtual time is an integer: turns are exact for weights up to 32, and within a
millionth for weights up to a million."""


class Turn(Generic[C]):
    """The next turn of a candidate: its start and length in virtual time. `candidate` is None once it was removed."""

    __slots__ = ("candidate", "length", "number", "start", "weight")

    def __init__(self, candidate: C, number: int, start: int) -> None:
        self.candidate: C | None = candidate
        self.number, self.start = number, start
        self.weight = candidate.weight
        self.length = ROUND // self.weight


Queue = list[tuple[int, int, Turn[C]]]


class RoundRobin(Policy[C]):
    """Two queues of turns: coming turns ordered by their start, due turns by their end. Ties go in order of joining.

    Virtual time is the average of the turns' starts, by weight: each pick moves one start forward, and time with it. The
    first turn of a new candidate starts now, so it gets its share without a burst. Turns of removed candidates stay in the
    queues until they are dropped; there are never more of them than candidates.

    Retries have separate turns, from the first retry on. Otherwise a backend that stands in for a dead one would be skipped
    at its next turn, and the dead one would be the first choice of all sessions.
    """

    def __init__(self) -> None:
        self._turns: dict[C, Turn[C]] = {}
        self._coming: Queue[C] = []
        self._due: Queue[C] = []
        self._numbers = count()
        self._weight = 0
        self._starts = 0  # the sum of weight * start
        self._retries: RoundRobin[C] | None = None

    def add(self, candidate: C) -> None:
        """Add the candidate; its first turn starts now."""
        if self._retries:
            self._retries.add(candidate)
        self._join(candidate, next(self._numbers), self._now)

    def remove(self, candidate: C) -> None:
        """Remove the candidate and its turns."""
        if self._retries:
            self._retries.remove(candidate)
        self._drop(candidate)

    def reweigh(self, candidate: C, weight: int) -> None:
        """Change the length of its turns. The service that it is owed, or is ahead by, stays the same."""
        if self._retries:
            self._retries.reweigh(candidate, weight)
        turn, now = self._turns[candidate], self._now
        self._drop(candidate)
        candidate.weight = weight
        self._join(candidate, next(self._numbers), now + (turn.start - now) * turn.weight // weight)

    def pick(self, client: str, usable: Usable[C]) -> C | None:  # noqa: ARG002
        """The usable candidate whose turn it is. Unusable candidates lose a due turn, and do not catch up later."""
        if len(self._turns) == 1:  # it has every turn, and time stands still
            (candidate,) = self._turns
            return candidate if usable(candidate) else None
        coming, due = self._coming, self._due
        now = self._now
        while coming and coming[0][0] <= now:
            _, number, turn = heappop(coming)
            heappush(due, (turn.start + turn.length, number, turn))
        refused: list[Turn[C]] = []
        while queue := due or coming:
            turn = heappop(queue)[-1]
            if turn.candidate is None:
                continue  # it was removed
            if usable(turn.candidate):
                for other in refused:  # if no due turn was usable, time moves forward to the turn that is
                    self._begin(other, turn.start if queue is coming else other.start + other.length)
                self._begin(turn, turn.start + turn.length)
                return turn.candidate
            refused.append(turn)
            if len(refused) == MOST_REFUSALS and not any(map(usable, self._turns)):
                break
        for turn in refused:
            self._begin(turn, turn.start)
        return None

    def retry(self, client: str, usable: Usable[C]) -> C | None:
        """The usable candidate whose turn it is among the retries."""
        if self._retries is None:
            self._retries = RoundRobin()
            for candidate in self._turns:
                self._retries.add(candidate)
        return self._retries.pick(client, usable)

    @property
    def _now(self) -> int:
        return self._starts // self._weight if self._weight else 0

    def _drop(self, candidate: C) -> None:
        turn = self._turns.pop(candidate)
        turn.candidate = None
        self._weight -= turn.weight
        self._starts -= turn.weight * turn.start
        if len(self._coming) + len(self._due) > 2 * len(self._turns):
            self._coming = [entry for entry in self._coming if entry[-1].candidate is not None]
            self._due = [entry for entry in self._due if entry[-1].candidate is not None]
            heapify(self._coming)
            heapify(self._due)

    def _join(self, candidate: C, number: int, start: int) -> None:
        turn = self._turns[candidate] = Turn(candidate, number, start)
        self._weight += turn.weight
        self._starts += turn.weight * start
        heappush(self._coming, (start, number, turn))

    def _begin(self, turn: Turn[C], start: int) -> None:
        """Start a turn that is in no queue at this virtual time."""
        self._starts += turn.weight * (start - turn.start)
        turn.start = start
        heappush(self._coming, (start, turn.number, turn))
