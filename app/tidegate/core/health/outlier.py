"""Passive health: failures in a row of real traffic eject a backend for a time that grows while it keeps failing.

The words and defaults are those of Envoy's outlier detection: so many consecutive failures, a base time and a longest one.
Times are seconds of any one clock that never goes backwards.

A session that the backend ends at once without a byte is the backend's failure where nothing had been sent to it. Where
something had been sent, the client may be the cause: PostgreSQL answers a cancel request by closing, and many a server ends
what it cannot read. Such an end is disputed. It counts once several clients have met with one in the same row.
"""

from dataclasses import dataclass, replace
from itertools import islice
from math import inf

from tidegate.core.health.rise_fall import Verdict
from tidegate.core.network import Networks
from tidegate.core.pools.backend import State
from tidegate.core.reasons import ConnectFailure

ENOUGH_CLIENTS = 3
"""So many clients in one row prove that it is not they who make the backend end their sessions."""

_CLIENTS = Networks(32, 64)
"""A host with IPv6 usually has a /64 of addresses, so these are one client."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures of real traffic at one backend, one after the other.

    `dials` that failed, the last for `reason`, of which `resets` came after the backend had accepted; `early_ends` are
    sessions that it ended at once without a byte, though it had been sent nothing. `disputed` are those that it ended so
    after it had been sent something, and `clients` are the first few of their clients, at most ENOUGH_CLIENTS.
    """

    dials: int = 0
    resets: int = 0
    early_ends: int = 0
    disputed: int = 0
    clients: frozenset[str] = frozenset()
    reason: str = ""

    @staticmethod
    def of_dial(failure: ConnectFailure) -> "Failures":
        """One dial that failed."""
        return Failures(dials=1, resets=int(failure is ConnectFailure.RESET), reason=failure.value)

    @staticmethod
    def of_early_end(sent: int, client: str) -> "Failures":
        """One session that ended early, after so many bytes of a client with this address had been sent to the backend."""
        return Failures(disputed=1, clients=frozenset({_CLIENTS.of(client)})) if sent else Failures(early_ends=1)

    def __add__(self, later: "Failures") -> "Failures":
        return Failures(
            self.dials + later.dials,
            self.resets + later.resets,
            self.early_ends + later.early_ends,
            self.disputed + later.disputed,
            frozenset(islice((*self.clients, *(later.clients - self.clients)), ENOUGH_CLIENTS)),
            later.reason or self.reason,
        )

    def __bool__(self) -> bool:
        return bool(self.dials or self.early_ends or self.disputed)

    @property
    def undisputed(self) -> "Failures":
        """Those that no client can have caused."""
        return replace(self, disputed=0, clients=frozenset())

    @property
    def count(self) -> int:
        """Those that count against the backend."""
        return self.dials + self._sessions

    @property
    def after_accepting(self) -> bool:
        """Whether the backend accepted before some of them, so that one more connect would prove nothing."""
        return bool(self.resets or self._sessions)

    @property
    def _sessions(self) -> int:
        return self.early_ends + (self.disputed if len(self.clients) >= ENOUGH_CLIENTS else 0)

    def __str__(self) -> str:
        dials, sessions = _plural("dial", self.dials), _plural("session", self._sessions)
        if self.dials and self._sessions:
            return f"{self.count} failures in a row: {dials} ({self.reason}), {sessions} ended at once without a byte"
        if self._sessions:
            return f"{sessions} in a row ended at once without a byte"
        return f"{dials} in a row failed: {self.reason}"


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

    def after_answer(self) -> "Outlier":
        """A probe has got an answer: the backend serves, so its clients may have caused the ends that are disputed."""
        return replace(self, failures=self.failures.undisputed)

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
    return f"1 {word}" if count == 1 else f"{count} {word}s"
