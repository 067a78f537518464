"""The states of the process, and how sessions that outlive its drain are closed: spread over the end of the grace."""

from dataclasses import dataclass
from enum import StrEnum

SPREAD_SHARE = 0.2
MARGIN_SHARE = 0.1
LONGEST_MARGIN = 0.5
LONGEST_LAST_BYTES = 0.25


class ProcessState(StrEnum):
    """The words of `/status`."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class ClosingWindow:
    """The seconds after the start of the grace between which remaining sessions are closed.

    After `end`, peers have `last_bytes` seconds to acknowledge what was sent to them.
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
    """The last fifth of the grace, less a margin in which log lines are written and processes exit."""
    end = grace - min(LONGEST_MARGIN, grace * MARGIN_SHARE)
    return ClosingWindow(min(end, grace * (1 - SPREAD_SHARE)), end, min(LONGEST_LAST_BYTES, (grace - end) / 2))
