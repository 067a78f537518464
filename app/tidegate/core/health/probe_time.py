"""When a probe's time is over: it runs only while the loop that waits for the answer does, and not while that is late."""

from enum import Enum, auto

LOOKS = 10
"""Parts of a timeout. The loop looks at the clock at the end of each; what it is late by belongs to no part."""

MOST_LOOKS = 2 * LOOKS
"""Looks after which nothing is said about a backend, because the loop has been late at each one when the time was over."""

TOLERANCE = 0.01
"""Seconds by which a loop that works well may be late."""


class Look(Enum):
    """What the clock says about a probe that is under way."""

    GO_ON = auto()
    TIMED_OUT = auto()
    LATE = auto()


class ProbeTime:
    """The time of one probe, in seconds of a monotonic clock; `due` is when to look next.

    A probe times out when it has been looked at LOOKS times, and the loop was punctual at the last look: so an answer that
    came while the loop stood still is read before it is missed.
    """

    def __init__(self, timeout: float, now: float) -> None:
        self._timeout, self._part = timeout, timeout / LOOKS
        self._tolerance = max(TOLERANCE, self._part / 2)
        self._looks = 0
        self._stood_still = 0.0
        self.due = now + self._part

    def look(self, now: float) -> Look:
        """What this moment means; when to look again is in `due`."""
        lateness = now - self.due
        is_punctual = lateness <= self._tolerance
        if not is_punctual:
            self._stood_still += lateness
        self.due = (self.due if is_punctual else now) + self._part
        self._looks += 1
        if self._looks >= LOOKS and is_punctual:
            return Look.TIMED_OUT
        return Look.LATE if self._looks >= MOST_LOOKS else Look.GO_ON

    def excuses(self, now: float) -> bool:
        """Whether the loop stood still for as long as a probe may take: a backend that hung up may have waited for us."""
        return self._stood_still + max(0.0, now - self.due) >= self._timeout
