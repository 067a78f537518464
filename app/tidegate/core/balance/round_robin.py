"""Smooth weighted round robin: heavy backends get more turns, and no one gets its share in a burst.

At least as smooth as nginx's, for O(log n) a pick instead of O(n): earliest eligible virtual deadline first (Stoica and
Abdel-Wahab, 1995). Each candidate has one turn at a time, which lasts 1/weight of virtual time. A turn is due once it has
started, and of those that are due the one that ends first is picked. So no candidate is ever a whole turn ahead of its
share, or a whole turn behind.
"""

from heapq import heapify, heappop, heappush
from itertools import count
from math import lcm
from typing import Generic

from tidegate.core.balance.policy import MOST_REFUSALS, C, Policy, Usable

ROUND = lcm(*range(1, 33))
"""How long a turn of weight 1 lasts: virtual time is counted in whole numbers, exactly so for the usual weights, and within
a millionth for weights up to a million."""


class Turn(Generic[C]):
    """The next turn of a candidate: when it starts, and how long it lasts."""

    __slots__ = ("candidate", "length", "number", "start", "weight")

    def __init__(self, candidate: C, number: int, start: int) -> None:
        self.candidate: C | None = candidate
        self.number, self.start = number, start
        self.weight = candidate.weight
        self.length = ROUND // self.weight


Queue = list[tuple[int, int, Turn[C]]]


class RoundRobin(Policy[C]):
    """The turns in two queues: those to come by their start, those that are due by their end; ties in order of joining.

    The time is the average of the turns' starts by weight: each pick moves one start on, and time with it. A newcomer's
    first turn starts now, so it gets its share and no burst. Turns of candidates that have left wait in the queues to be
    dropped, never more of them than there are candidates.

    Retries have turns of their own, from the first one on: otherwise whoever stands in for a dead backend would be passed
    over at its next turn, and the dead one would be the first choice of all sessions.
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
        """Let it take its first turn now."""
        if self._retries:
            self._retries.add(candidate)
        self._join(candidate, next(self._numbers), self._now)

    def remove(self, candidate: C) -> None:
        """Take its turns away."""
        if self._retries:
            self._retries.remove(candidate)
        self._drop(candidate)

    def reweigh(self, candidate: C, weight: int) -> None:
        """Change the length of its turns, and keep what it has to wait or has waited: that much service is due as before."""
        if self._retries:
            self._retries.reweigh(candidate, weight)
        turn, now = self._turns[candidate], self._now
        self._drop(candidate)
        candidate.weight = weight
        self._join(candidate, next(self._numbers), now + (turn.start - now) * turn.weight // weight)

    def pick(self, client: str, usable: Usable[C]) -> C | None:  # noqa: ARG002
        """The one whose turn it is. Those that are not usable lose a turn that is due, and have nothing to catch up."""
        coming, due = self._coming, self._due
        now = self._now
        while coming and coming[0][0] <= now:
            _, number, turn = heappop(coming)
            heappush(due, (turn.start + turn.length, number, turn))
        refused: list[Turn[C]] = []
        while queue := due or coming:
            turn = heappop(queue)[-1]
            if turn.candidate is None:
                continue  # it has left
            if usable(turn.candidate):
                for other in refused:  # when none of those that are due is usable, time goes on to the turn that is
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
        """The one whose turn it is among the retries."""
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
        """Let a turn that is in no queue start then."""
        self._starts += turn.weight * (start - turn.start)
        turn.start = start
        heappush(self._coming, (start, turn.number, turn))
