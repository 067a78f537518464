"""What fails at one backend, told to control a few times a second: the first failure at once, the last not forgotten."""

from collections.abc import Callable
from time import monotonic

from tidegate.core.health.outlier import Failures
from tidegate.dataplane.loop.poller import Poller

REPORT_INTERVAL = 0.1  # seconds between two reports about a backend


class FailureReports:
    """The failures at one backend since the last good session there.

    `report(good, failures)` tells those not told yet, and how many good sessions there had been before them.
    """

    def __init__(self, poller: Poller, report: Callable[[int, Failures], None]) -> None:
        self._poller, self._report = poller, report
        self._untold = Failures()
        self._good = self._in_a_row = 0
        self._next_at = 0.0
        self._is_due = False

    def add(self, failure: Failures, good: int, enough: int) -> None:
        """One more failure. When there are `enough` in a row, they are told at once."""
        self._good = good
        self._untold += failure
        self._in_a_row += 1
        wait = self._next_at - monotonic()
        if wait <= 0 or self._in_a_row == enough:
            self._tell()
        elif not self._is_due:
            self._is_due = True
            self._poller.call_later(wait, self._tell_the_rest)

    def forget(self) -> None:
        """A session went well: what was before is no failure in a row any more."""
        self._untold = Failures()
        self._in_a_row = 0

    def _tell_the_rest(self) -> None:
        self._is_due = False
        if self._untold:
            self._tell()

    def _tell(self) -> None:
        self._next_at = monotonic() + REPORT_INTERVAL
        untold, self._untold = self._untold, Failures()
        self._report(self._good, untold)
