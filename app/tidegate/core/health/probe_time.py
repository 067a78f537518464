"""Decides when a probe has timed out. Time during which the event loop stood still does not count."""

from enum import Enum, auto

LOOKS = 10
"""A timeout has this many equal parts. The loop looks at the clock at the end of each; lateness does not count as time."""

MOST_LOOKS = 2 * LOOKS
"""After this many looks a probe ends without a result: the loop was late at each look at which it could have timed out."""

TOLERANCE = 0.01
"""Seconds by which a loop that works well may be late."""


class Look(Enum):
    """The verdict of a look at the clock during a probe."""

    GO_ON = auto()
    TIMED_OUT = auto()
    LATE = auto()


class ProbeTime:
    """The time of one probe, in seconds of a monotonic clock; `due` is when to look next.

    A probe times out after LOOKS looks, if the loop was punctual at the last one. So an answer that arrived while the loop
    stood still is read before the probe can time out.
    """

    def __init__(self, timeout: float, now: float) -> None:
        self._timeout, self._part = timeout, timeout / LOOKS
        self._tolerance = max(TOLERANCE, self._part / 2)
        self._looks = 0
        self._stood_still = 0.0
        self.due = now + self._part

    def look(self, now: float) -> Look:
        """Whether the probe has timed out. Sets `due` to the time of the next look."""
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
        """Whether the loop stood still for at least the timeout: a backend that hung up may have waited for us."""
        return self._stood_still + max(0.0, now - self.due) >= self._timeout
