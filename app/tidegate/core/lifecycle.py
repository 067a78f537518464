"""The states of the process, and the window at the end of the grace over which the remaining sessions are closed."""

from dataclasses import dataclass
from enum import StrEnum

SPREAD_SHARE = 0.2
MARGIN_SHARE = 0.1
LONGEST_MARGIN = 0.5
LONGEST_LAST_BYTES = 0.25


class ProcessState(StrEnum):
    """The state of the process, in the words of `/status`."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class ClosingWindow:
    """Remaining sessions are closed from `start` to `end`, in seconds after the start of the grace.

    After `end`, peers have `last_bytes` seconds to acknowledge the bytes sent to them.
    """

    start: float
    end: float
    last_bytes: float

    def due(self, sessions: int, elapsed: float) -> int:
        """How many of the sessions that were open at `start` should have been closed `elapsed` seconds into the grace."""
        if elapsed >= self.end:
            return sessions
        if elapsed <= self.start:
            return 0
        return int(sessions * (elapsed - self.start) / (self.end - self.start))


def closing_window(grace: float) -> ClosingWindow:
    """The last fifth of a grace in seconds, minus a margin in which log lines are written and processes exit."""
    end = grace - min(LONGEST_MARGIN, grace * MARGIN_SHARE)
    return ClosingWindow(min(end, grace * (1 - SPREAD_SHARE)), end, min(LONGEST_LAST_BYTES, (grace - end) / 2))
