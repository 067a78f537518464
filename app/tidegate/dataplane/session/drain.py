"""The end of a drain: sessions that have not finished by themselves are closed one after the other, idle ones first."""

from tidegate.core.lifecycle import ClosingWindow
from tidegate.dataplane.session.session import Session


class DrainInProgress:
    """Which sessions to close when. `started_at` is of the monotonic clock."""

    def __init__(self, started_at: float, window: ClosingWindow) -> None:
        self._started_at, self._window = started_at, window
        self._left: list[Session] | None = None
        self._outlived = 0

    def is_over(self, now: float) -> bool:
        """Whether all should be closed by now."""
        return now - self._started_at >= self._window.end

    def due(self, sessions: list[Session], now: float) -> list[Session]:
        """The sessions whose turn has come."""
        elapsed = now - self._started_at
        if elapsed < self._window.start:
            return []
        if self._left is None:
            self._left = sorted(sessions, key=lambda session: session.active_at, reverse=True)
            self._outlived = len(self._left)
        closed = self._outlived - len(self._left)
        return [self._left.pop() for _ in range(self._window.due(self._outlived, elapsed) - closed)]
