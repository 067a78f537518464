"""The turns of a worker: its events by the loop of the wire, one heap for its timers, and what is to be done soon.

Nothing else is needed here, so asyncio and uvloop are not loaded: they would cost each worker 6 MB, and each turn of an
epoll nested in another loop one more system call.
"""

import select
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import monotonic
from typing import Final

from tidegate.dataplane.loop.handler import CannotGoOnError
from tidegate.dataplane.wire import Loop
from tidegate.dataplane.wire.interface import Handler

IN: Final = select.EPOLLIN
OUT: Final = select.EPOLLOUT
ERR: Final = select.EPOLLERR
HUP: Final = select.EPOLLHUP
RDHUP: Final = select.EPOLLRDHUP
IN_FOR_ONE: Final = IN | select.EPOLLEXCLUSIVE  # of the processes that watch a socket, one is woken
GONE: Final = RDHUP | select.EPOLLET  # only that the peer sends nothing more, or has broken off

Callback = Callable[[], None]


class Poller:
    """Lets `loop` call the handler of each ready descriptor, and calls timers when they are due.

    When a callback raises, which is a bug in it, `log_bug()` is called, then what cleans up after it. `now` is when the
    current turn began, by the monotonic clock.
    """

    def __init__(self, log_bug: Callback) -> None:
        self._log_bug = log_bug
        self.loop = Loop(self._handler_failed)
        self.now = monotonic()
        self._soon: list[tuple[Callback, Callback | None]] = []
        self._timers: list[tuple[float, int, Callback, Callback | None]] = []
        self._order = count()
        self._running = True

    def run(self) -> None:
        """Work until `stop`."""
        while self._running:
            now = self.now = monotonic()
            if self._timers and self._timers[0][0] <= now:
                self._call_due_timers(now)
            elif self._soon:
                self._turn(0.0)
            else:
                self._turn(self._timers[0][0] - now if self._timers else -1.0)
        self.loop.end()

    def stop(self) -> None:
        """End `run` after the current callback. Descriptors still open belong to whoever registered them."""
        self._running = False

    def call_later(self, seconds: float, callback: Callback, failed: Callback | None = None) -> None:
        """Call once, in so many seconds; `failed` cleans up should it raise."""
        heappush(self._timers, (monotonic() + seconds, next(self._order), callback, failed))

    def call_soon(self, callback: Callback, failed: Callback | None = None) -> None:
        """Call once, after the events that are known now; `failed` cleans up should it raise."""
        self._soon.append((callback, failed))

    def bug(self, failed: Callback | None) -> None:
        """Log the exception that is being handled and clean up. Raises CannotGoOnError when `failed` does."""
        self._log_bug()
        if failed is None:
            return
        try:
            failed()
        except CannotGoOnError:
            raise
        except Exception:  # noqa: BLE001  a bug in cleaning up after a bug still costs only its own session
            self._log_bug()

    def _handler_failed(self, handler: Handler) -> None:
        self.bug(handler.failed)

    def _turn(self, seconds: float) -> None:
        loop = self.loop
        self.now = loop.wait(seconds)
        loop.dispatch()
        if self._soon:
            self._call_soon()
        loop.finish()

    def _call_soon(self) -> None:
        callbacks, self._soon = self._soon, []
        for callback, failed in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001
                self.bug(failed)

    def _call_due_timers(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            _, _, callback, failed = heappop(self._timers)
            try:
                callback()
            except Exception:  # noqa: BLE001
                self.bug(failed)
