"""Peak EWMA of the time to connect: the best choice where backends are unequally far away, or unequally busy.

A backend costs its expected connect time, times the connections it would have, per weight; the cheapest gets the connection.
The expectation rises at once to a longer time that was seen, and follows shorter ones with a time constant of ten seconds.
While nothing is seen it fades, so that a backend that was slow is tried again.

Source: `PeakEwma` of Finagle, as in Linkerd. Two things differ, for connections that live long: what fades ends at a least
value and not at zero, so that without news the connections decide; and the cheapest of all is taken, not of two.
"""

from collections.abc import Callable, Iterable
from math import exp, inf

from tidegate.core.balance.least_connections import LeastConnections
from tidegate.core.balance.policy import C

FADING = 10.0
"""The time constant in seconds."""

LEAST = 0.0005
"""Seconds; what connects faster counts as this, because below it schedulers make a larger difference than distance."""

TRIAL = 1.0
"""Seconds for which a backend without any observation, once picked, waits for its first one. Meanwhile it counts as slow, so
that it is tried with one connection and not with all that come."""

UNTRIED = 1.0
"""The connect time in seconds that is assumed during a trial."""


class Expectation:
    """The connect time of a candidate: `seconds` at the moment `at`. While nothing was observed, `at` is its last trial."""

    __slots__ = ("at", "observed", "seconds")

    def __init__(self) -> None:
        self.at, self.seconds = -inf, 0.0
        self.observed = False

    def seconds_at(self, now: float) -> float:
        """The expected time, in seconds."""
        if self.observed:
            return max(LEAST, self.seconds * exp((self.at - now) / FADING))
        return UNTRIED if now - self.at < TRIAL else LEAST

    def learn(self, seconds: float, now: float) -> None:
        """A dial has taken so long."""
        share = exp((self.at - now) / FADING)
        self.seconds = max(seconds, self.seconds * share + seconds * (1 - share))
        self.at, self.observed = now, True


class LeastLatency(LeastConnections[C]):
    """The candidate with the least cost; those that tie take turns. `clock` gives seconds and never goes back.

    Linear in the candidates, as its parent. Each worker learns by itself.
    """

    learns = True

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._expectations: dict[C, Expectation] = {}

    def add(self, candidate: C) -> None:
        """Try it at the next occasion."""
        super().add(candidate)
        self._expectations[candidate] = Expectation()

    def remove(self, candidate: C) -> None:
        """Forget what was learned: when it comes back it may be another machine."""
        super().remove(candidate)
        del self._expectations[candidate]

    def observe(self, candidate: C, seconds: float) -> None:
        """A dial has taken so long; one that has failed counts as its time limit."""
        if expectation := self._expectations.get(candidate):  # it may have left while it was dialled
            expectation.learn(seconds, self._clock())

    def _picked(self, candidate: C) -> None:
        super()._picked(candidate)
        expectation = self._expectations[candidate]
        if not expectation.observed:
            expectation.at = self._clock()

    def _least(self, candidates: Iterable[C]) -> C | None:
        now = self._clock()
        least, best = inf, None
        for candidate in candidates:
            cost = self._expectations[candidate].seconds_at(now) * (candidate.active + 1) / candidate.weight
            if cost < least:
                least, best = cost, candidate
        return best
