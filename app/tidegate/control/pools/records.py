"""What a running pool records for reports: results of probes, durations, and the state of discovery."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from tidegate.control import clock
from tidegate.core.health.rise_fall import Health

SKIPPED = "skipped: real traffic succeeds"
LATE = "no result: control itself was late"


@dataclass(slots=True)
class HealthRecord:
    """The results of the probes of one backend; times are Unix seconds, `latency` is in seconds."""

    health: Health = field(default_factory=Health)
    last_check: float | None = None
    last_result: str | None = None
    latency: float | None = None
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    late: int = 0

    def ended(self, failure: str | None, latency: float, *, rise: int, fall: int) -> str:
        """A probe has ended: `failure` says why it failed, None that it passed. Answers the result in words."""
        self.health = self.health.after(passed=failure is None, rise=rise, fall=fall)
        result = failure or "ok"
        self.last_check, self.last_result, self.latency = clock.now(), result, latency
        if failure is None:
            self.passed += 1
        else:
            self.failed += 1
        return result

    def ended_late(self) -> None:
        """A probe says nothing, because control was late itself."""
        self.last_check, self.last_result = clock.now(), LATE
        self.late += 1

    def spared(self) -> None:
        """A probe was left out because the backend's traffic succeeds."""
        self.last_check, self.last_result = clock.now(), SKIPPED
        self.skipped += 1


class DurationCounts:
    """Observed seconds: their sum, and a count per bucket, the last for what is above all bounds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.sum += seconds


DISCOVERY_EVENTS = ("added", "removed", "altered", "failed")


@dataclass(slots=True)
class Discovery:
    """Where a pool's backends come from, whether that source is in sync, and how many events of each kind it had.

    `since` when it is synced or not, and `last_sync`, in Unix seconds; `reason` says why it is not synced, or why
    it has no backends though it is, with what is `refused`: backends that it has found and that must not be used.
    """

    source: str
    synced: bool = False
    since: float = field(default_factory=clock.now)
    last_sync: float | None = None
    reason: str | None = None
    refused: str = ""
    events: Counter[str] = field(default_factory=Counter)

    def update(self, *, synced: bool, reason: str | None = None) -> None:
        """Take over whether the source knows all backends now."""
        if synced:
            self.last_sync = clock.now()
        if synced is not self.synced:
            self.synced, self.since = synced, clock.now()
        self.reason = "; ".join(filter(None, (reason, self.refused))) or None
