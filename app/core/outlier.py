"""Passive health: failures in a row of real traffic eject a backend for a time that grows while it keeps failing.

The words and defaults are those of Envoy's outlier detection: so many consecutive failures, a base time and a longest one.
Times are seconds of any one clock that never goes backwards.
"""

from dataclasses import dataclass, replace
from math import inf

from app.core.backend import State
from app.core.health import Verdict
from app.core.reasons import ConnectFailure


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures of real traffic at one backend, one after the other.

    `dials` that failed, the last for `reason`, of which `resets` came after the backend had accepted; `early_ends` are
    sessions that it ended at once without a byte.
    """

    dials: int = 0
    resets: int = 0
    early_ends: int = 0
    reason: str = ""

    def __add__(self, later: "Failures") -> "Failures":
        return Failures(
            self.dials + later.dials,
            self.resets + later.resets,
            self.early_ends + later.early_ends,
            later.reason or self.reason,
        )

    def and_one(self, failure: ConnectFailure | None) -> "Failures":
        """One more: a dial that failed, or with None a session that ended early."""
        if failure is None:
            return replace(self, early_ends=self.early_ends + 1)
        resets = self.resets + (failure is ConnectFailure.RESET)
        return Failures(self.dials + 1, resets, self.early_ends, failure.value)

    @property
    def count(self) -> int:
        """All of them."""
        return self.dials + self.early_ends

    @property
    def after_accepting(self) -> bool:
        """Whether the backend accepted before some of them, so that one more connect would prove nothing."""
        return bool(self.resets or self.early_ends)

    def __str__(self) -> str:
        dials = f"{self.dials} {_plural('dial', self.dials)} in a row failed: {self.reason}"
        early = f"{self.early_ends} {_plural('session', self.early_ends)} in a row ended at once without a byte"
        if self.dials and self.early_ends:
            return (
                f"{self.count} failures in a row: {self.dials} {_plural('dial', self.dials)} ({self.reason}), "
                f"{self.early_ends} {_plural('session', self.early_ends)} ended at once without a byte"
            )
        return early if self.early_ends else dials


@dataclass(frozen=True, slots=True)
class Ejection:
    """Since when, for how many seconds at most and why a backend is ejected, and the probes that passed in a row since."""

    since: float
    seconds: float
    failures: Failures
    passes: int = 0

    @property
    def until(self) -> float:
        """When it ends unless a probe ends it before."""
        return self.since + self.seconds


@dataclass(frozen=True, slots=True)
class Outlier:
    """What real traffic says about one backend: its failures in a row, or its ejection.

    `good` is the number of good sessions when it last failed; `ejections` in a row make the next one longer.
    """

    failures: Failures = Failures()
    good: int = 0
    ejection: Ejection | None = None
    ejections: int = 0
    ended_at: float = -inf

    def after_failures(self, failures: Failures, good: int) -> "Outlier":
        """More failures have come; `good` sessions in all have come before them. Those while it is ejected do not count."""
        if self.ejection:
            return self
        earlier = self.failures if good <= self.good else Failures()
        return replace(self, failures=earlier + failures, good=max(good, self.good))

    def ejected(self, now: float, first: float, longest: float) -> "Outlier":
        """The ejection begins: of `first` seconds, doubled for each one before it, up to `longest`.

        What came before is forgotten once the backend has done without an ejection for `longest`.
        """
        earlier = self.ejections if now - self.ended_at < longest else 0
        seconds = min(longest, first * float(1 << min(earlier, 32)))
        ejection = Ejection(now, seconds, self.failures)
        return replace(self, failures=Failures(), ejection=ejection, ejections=earlier + 1)

    def after_probe(self, *, passed: bool) -> "Outlier":
        """A probe that proves what the ejection was for has ended; it says nothing about a backend that is not ejected."""
        if self.ejection is None:
            return self
        return replace(self, ejection=replace(self.ejection, passes=self.ejection.passes + 1 if passed else 0))

    def restored(self, now: float) -> "Outlier":
        """The ejection is over, for whatever reason; the next failure is the first in a row."""
        return replace(self, failures=Failures(), ejection=None, ended_at=now if self.ejection else self.ended_at)


def most_ejected(backends: int, percent: int) -> int:
    """How many backends of a pool of so many may be ejected at once."""
    return backends * percent // 100


def state_of(verdict: Verdict, outlier: Outlier) -> State:
    """The state that probes and traffic together make: who is down is down, and only who is up can be ejected."""
    return State.EJECTED if verdict is State.UP and outlier.ejection else verdict


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
