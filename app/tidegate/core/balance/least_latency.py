"""Peak EWMA of the connect time: the best policy where backends are at different distances, or differently busy.

A backend's cost is its expected connect time, times the connections it would have, divided by its weight. The backend with
the lowest cost gets the connection. A longer connect time raises the expectation at once; shorter ones lower it with a time
constant of ten seconds. Without new dials the expectation decays, so that a slow backend is tried again.

Source: `PeakEwma` of Finagle, as in Linkerd. Two things differ, because connections live long here. The expectation decays
to a minimum instead of zero: without new dials the connection counts decide. And the cheapest of all backends is picked,
instead of the cheaper of two.
"""

from collections.abc import Callable, Iterable
from math import exp, inf

from tidegate.core.balance.least import Least
from tidegate.core.balance.policy import C

FADING = 10.0
"""The time constant in seconds."""

LEAST = 0.0005
"""The shortest connect time in seconds that counts: below it, scheduling makes a larger difference than distance."""

TRIAL = 1.0
"""How many seconds a trial lasts. A backend without an observation is tried with one connection: once picked, it counts as
slow until the dial has been observed or the trial is over, so that the next connections go elsewhere."""

UNTRIED = 1.0
"""The connect time in seconds that is assumed during a trial."""


class Expectation:
    """A candidate's expected connect time: `seconds` at the time `at`. Until one is observed, `at` is its last trial."""

    __slots__ = ("at", "observed", "seconds")

    def __init__(self) -> None:
        self.at, self.seconds = -inf, 0.0
        self.observed = False

    def seconds_at(self, now: float) -> float:
        """The expected connect time in seconds."""
        if self.observed:
            return max(LEAST, self.seconds * exp((self.at - now) / FADING))
        return UNTRIED if now - self.at < TRIAL else LEAST

    def learn(self, seconds: float, now: float) -> None:
        """Update the expectation with the seconds that a dial took."""
        share = exp((self.at - now) / FADING)
        self.seconds = max(seconds, self.seconds * share + seconds * (1 - share))
        self.at, self.observed = now, True


class LeastLatency(Least[C]):
    """Picks the candidate with the lowest cost. Candidates that tie take turns. `clock` is monotonic, in seconds.

    A pick is linear in the candidates, as in its parent. Each worker has its own expectations.
    """

    learns = True

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._expectations: dict[C, Expectation] = {}

    def add(self, candidate: C) -> None:
        """Add the candidate without an expectation: it is tried soon."""
        super().add(candidate)
        self._expectations[candidate] = Expectation()

    def remove(self, candidate: C) -> None:
        """Remove the candidate with its expectation: when it comes back it may be another machine."""
        super().remove(candidate)
        del self._expectations[candidate]

    def observe(self, candidate: C, seconds: float) -> None:
        """Learn the seconds that a dial took. A failed dial counts as its time limit."""
        if expectation := self._expectations.get(candidate):  # None if it was removed during the dial
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
