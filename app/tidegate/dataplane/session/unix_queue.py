"""Dials of a backend at a Unix socket whose queue is full: they wait in line, and only the first one tries again.

A Unix socket refuses while its queue is full, and no event tells of room, where TCP repeats its SYN. If each dial tried by
itself, those that came late would pass those that wait, and thousands of them would keep the worker busy.
"""

from typing import TYPE_CHECKING, Final

from tidegate.dataplane.loop.poller import Poller

if TYPE_CHECKING:
    from tidegate.dataplane.session.dialling import Dialling

FIRST_RETRY: Final = 0.005
"""Seconds until the first in line tries again; they double up to RAREST_RETRY while there is no room."""
RAREST_RETRY: Final = 0.1
MOST_AT_ONCE: Final = 64  # then others get their turn


class UnixQueue:
    """The line of one backend. `timed_out`, `cancel` and a bug take a dial out of it by `leave`."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._waiting: dict[Dialling, None] = {}
        self._pause = FIRST_RETRY
        self._is_busy = False  # a try is under way, or a timer for the next one
        self._trying: Dialling | None = None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def join(self, dial: "Dialling") -> None:
        """Wait behind all others."""
        self._waiting[dial] = None
        if not self._is_busy:
            self._is_busy = True
            self._pause = FIRST_RETRY
            self._try_in(FIRST_RETRY)

    def leave(self, dial: "Dialling") -> None:
        """Wait no more; nothing happens to one that does not."""
        self._waiting.pop(dial, None)

    def _try_in(self, seconds: float) -> None:
        self._poller.call_later(seconds, self._try, self._first_failed)

    def _try(self) -> None:
        """Let as many connect as there is room for, in their order. Others may join meanwhile."""
        for _ in range(MOST_AT_ONCE):
            if not self._waiting:
                self._is_busy, self._trying = False, None
                return
            self._trying = next(iter(self._waiting))
            if not self._trying.try_again():
                self._try_in(self._pause)
                self._pause = min(2 * self._pause, RAREST_RETRY)
                return
            self._pause = FIRST_RETRY
        self._try_in(0.0)

    def _first_failed(self) -> None:
        """A bug broke the one that tried: the others go on."""
        assert self._trying is not None
        self.leave(self._trying)
        self._try_in(self._pause)
        self._trying.failed()
