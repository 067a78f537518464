"""A timeout that many share: dials of one pool, or clients of one listener that have yet to say where they want to go.

Nearly all end long before their time: an entry in a table costs them a fifth of what a timer of its own would.
"""

from math import inf
from time import monotonic
from typing import Protocol

from tidegate.dataplane.loop.poller import Poller


class Timed(Protocol):
    """What may take too long."""

    def timed_out(self) -> None:
        """It has taken too long, unless it has ended since; it is forgotten already."""

    def failed(self) -> None:
        """A bug broke `timed_out`."""


class SharedTimeout:
    """What is under way and since when, oldest first. `timeout` in seconds holds for what has begun, too."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._since: dict[Timed, float] = {}
        self._check_at = inf
        self.timeout = 0.0

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._since)

    def begin(self, one: Timed, now: float) -> None:
        """One has begun."""
        self._since[one] = now
        if now + self.timeout < self._check_at:
            self._check_in(self.timeout)

    def end(self, one: Timed) -> None:
        """One has ended, whatever its outcome."""
        self._since.pop(one, None)

    def end_oldest(self) -> None:
        """The one that began first has taken too long: there are too many."""
        oldest = next(iter(self._since))
        self.end(oldest)
        self._poller.call_soon(oldest.timed_out, oldest.failed)

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
            self.end_oldest()
