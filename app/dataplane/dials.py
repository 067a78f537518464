"""The dials of a pool that are under way, and the one timer that they share.

Nearly every dial ends long before its time: an entry in a table costs it a fifth of what a timer of its own would.
"""

from time import monotonic
from typing import Protocol

from app.dataplane.poller import Poller


class Dialler(Protocol):
    """Who dials."""

    def dial_timed_out(self) -> None:
        """The dial has taken too long; it is forgotten already."""

    def failed(self) -> None:
        """A bug broke `dial_timed_out`."""


class Dials:
    """Who dials since when, oldest first. `timeout` in seconds holds for dials under way, too."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._since: dict[Dialler, float] = {}
        self._timer_runs = False
        self.timeout = 0.0

    def begin(self, dialler: Dialler, now: float) -> None:
        """A dial has begun."""
        self._since[dialler] = now
        if not self._timer_runs:
            self._check_in(self.timeout)

    def end(self, dialler: Dialler) -> None:
        """It has come to its end, whatever that was."""
        self._since.pop(dialler, None)

    def failed(self) -> None:
        """A bug broke the end of a dial."""
        self._expired.failed()

    def _check_in(self, seconds: float) -> None:
        self._timer_runs = True
        self._poller.call_later(seconds, self._check)

    def _check(self) -> None:
        self._timer_runs = False
        if not self._since:
            return
        oldest = next(iter(self._since))
        left = self._since[oldest] + self.timeout - monotonic()
        self._check_in(max(0.0, left))
        if left <= 0:
            self._expired = oldest
            self.end(oldest)
            oldest.dial_timed_out()
