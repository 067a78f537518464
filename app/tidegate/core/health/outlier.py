"""Passive health: consecutive failures of real traffic eject a backend, for a time that grows while it keeps failing.

The words and defaults are those of Envoy's outlier detection: consecutive failures, a base time and a longest time. Times
are seconds of one monotonic clock.

If the backend ends a session at once, without sending a byte, that is the backend's failure when nothing had been sent to
it. When something had been sent, the client may be the cause: PostgreSQL answers a cancel request by closing, and many
servers close on input they cannot read. Such an end is disputed: it counts once several clients have had one in the same
row of failures.
"""

from dataclasses import dataclass, replace
from itertools import islice
from math import inf

from tidegate.core.network import Networks
from tidegate.core.reasons import ConnectFailure

ENOUGH_CLIENTS = 3
"""Disputed ends of this many different clients in one row prove that the backend is the cause."""

_CLIENTS = Networks(32, 64)
"""An IPv6 host usually has a /64 of addresses, so these count as one client."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Consecutive failures of real traffic at one backend.

    `dials` counts failed dials, the last one for `reason`; `resets` counts those of them that were reset after the backend
    had accepted. `early_ends` counts sessions that the backend ended at once without a byte, when nothing had been sent to
    it. `disputed` counts such ends after something had been sent, and `clients` holds the first clients of these, at most
    ENOUGH_CLIENTS.
    """

    dials: int = 0
    resets: int = 0
    early_ends: int = 0
    disputed: int = 0
    clients: frozenset[str] = frozenset()
    reason: str = ""

    @staticmethod
    def of_dial(failure: ConnectFailure) -> "Failures":
        """One failed dial."""
        return Failures(dials=1, resets=int(failure is ConnectFailure.RESET), reason=failure.value)

    @staticmethod
    def of_early_end(sent: int, client: str) -> "Failures":
        """One session that the backend ended early, after `sent` bytes of the client with this IP address."""
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
        """The failures without the disputed ones."""
        return replace(self, disputed=0, clients=frozenset())

    @property
    def count(self) -> int:
        """How many failures count against the backend."""
        return self.dials + self._sessions

    @property
    def after_accepting(self) -> bool:
        """Whether some of them came after the backend had accepted: then a probe that only connects proves nothing."""
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
    """The ejection of a backend: its start, longest duration in seconds, cause, and the probes passed in a row since."""

    since: float
    seconds: float
    failures: Failures
    passes: int = 0

    @property
    def until(self) -> float:
        """When it ends, unless probes end it before."""
        return self.since + self.seconds


@dataclass(frozen=True, slots=True)
class Outlier:
    """The passive health of one backend: its failures in a row, or its ejection.

    `good` is the total of good sessions at the last failure. `ejections` counts ejections in a row, which make the next one
    longer.
    """

    failures: Failures = Failures()
    good: int = 0
    ejection: Ejection | None = None
    ejections: int = 0
    ended_at: float = -inf

    def after_failures(self, failures: Failures, good: int) -> "Outlier":
        """The outlier after more failures, with `good` good sessions in total before them. No change while it is ejected."""
        if self.ejection:
            return self
        earlier = self.failures if good <= self.good else Failures()
        return replace(self, failures=earlier + failures, good=max(good, self.good))

    def ejected(self, now: float, first: float, longest: float) -> "Outlier":
        """The outlier with an ejection that begins now: `first` seconds, doubled for each one in a row, up to `longest`.

        After `longest` seconds without an ejection, the row starts over.
        """
        earlier = self.ejections if now - self.ended_at < longest else 0
        seconds = min(longest, first * float(1 << min(earlier, 32)))
        ejection = Ejection(now, seconds, self.failures)
        return replace(self, failures=Failures(), ejection=ejection, ejections=earlier + 1)

    def after_probe(self, *, passed: bool) -> "Outlier":
        """The outlier after a probe that tests what the ejection was for. No change while the backend is not ejected."""
        if self.ejection is None:
            return self
        return replace(self, ejection=replace(self.ejection, passes=self.ejection.passes + 1 if passed else 0))

    def after_answer(self) -> "Outlier":
        """The outlier after a probe got an answer: the backend serves, so clients may have caused the disputed ends."""
        return replace(self, failures=self.failures.undisputed)

    def restored(self, now: float) -> "Outlier":
        """The outlier after the end of the ejection, for whatever reason; the next failure is the first in a row."""
        return replace(self, failures=Failures(), ejection=None, ended_at=now if self.ejection else self.ended_at)


def most_ejected(backends: int, percent: int) -> int:
    """How many of a pool's `backends` may be ejected at once."""
    return backends * percent // 100


def _plural(word: str, count: int) -> str:
    return f"1 {word}" if count == 1 else f"{count} {word}s"
