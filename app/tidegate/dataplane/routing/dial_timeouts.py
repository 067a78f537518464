"""The dials of a pool that are under way, and the one timer that they share.

Nearly every dial ends long before its time: an entry in a table costs it a fifth of what a timer of its own would.
"""

from math import inf
from time import monotonic
from typing import Protocol

from tidegate.dataplane.loop.poller import Poller


class Dial(Protocol):
    """A dial under way."""

    def timed_out(self) -> None:
        """The dial has taken too long, unless it has ended since; it is forgotten already."""

    def failed(self) -> None:
        """A bug broke `timed_out`."""


class DialTimeouts:
    """The dials and since when they are under way, oldest first. `timeout` in seconds holds for these, too."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._since: dict[Dial, float] = {}
        self._check_at = inf
        self.timeout = 0.0

    def begin(self, dial: Dial, now: float) -> None:
        """A dial has begun."""
        self._since[dial] = now
        if now + self.timeout < self._check_at:
            self._check_in(self.timeout)

    def end(self, dial: Dial) -> None:
        """A dial has ended, whatever its outcome."""
        self._since.pop(dial, None)

    def configure(self, timeout: float) -> None:
        """Change the timeout."""
        self.timeout = timeout
        if self._since:
            self._check_in(0.0)

    def _check_in(self, seconds: float) -> None:
        self._check_at = monotonic() + seconds
        self._poller.call_later(seconds, self._check)

    def _check(self) -> None:
        self._check_at = inf
        now = monotonic()
        while self._since:
            oldest = next(iter(self._since))
            left = self._since[oldest] + self.timeout - now
            if left > 0:
                self._check_in(left)
                return
            self.end(oldest)
            self._poller.call_soon(oldest.timed_out, oldest.failed)
