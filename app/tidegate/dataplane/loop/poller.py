"""The event loop of a worker: one epoll instance with a handler per socket, and one heap for its timers.

Nothing else is needed here, so asyncio and uvloop are not loaded: they would cost each worker 6 MB, and each turn of an
epoll nested in another loop one more system call.
"""

import select
import socket
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import monotonic
from typing import Final

from tidegate.dataplane.loop.handler import CannotGoOnError, Handler

IN: Final = select.EPOLLIN
OUT: Final = select.EPOLLOUT
ERR: Final = select.EPOLLERR
HUP: Final = select.EPOLLHUP
RDHUP: Final = select.EPOLLRDHUP
PRI: Final = select.EPOLLPRI  # urgent data, before which a read stops
EDGES: Final = IN | OUT | RDHUP | PRI | select.EPOLLET  # every change once, so that a socket needs to be registered once
IN_FOR_ONE: Final = IN | select.EPOLLEXCLUSIVE  # of the processes that watch a socket, one is woken
GONE: Final = RDHUP | select.EPOLLET  # only that the peer sends nothing more, or has broken off
BATCH: Final = 256

Callback = Callable[[], None]


class Poller:
    """Calls the handler of each ready socket, and timers when they are due.

    When a callback raises, which is a bug in it, `log_bug()` is called, then what cleans up after it.
    """

    def __init__(self, log_bug: Callback) -> None:
        self._log_bug = log_bug
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._dispatching = False
        self._to_close: list[socket.SocketType] = []
        self._soon: list[tuple[Callback, Callback | None]] = []
        self._timers: list[tuple[float, int, Callback, Callback | None]] = []
        self._order = count()
        self._running = True

    def run(self) -> None:
        """Work until `stop`."""
        while self._running:
            now = monotonic()
            if self._timers and self._timers[0][0] <= now:
                self._call_due_timers(now)
            elif self._soon:
                self._dispatch(0.0)
            else:
                self._dispatch(self._timers[0][0] - now if self._timers else -1.0)
        self._epoll.close()

    def stop(self) -> None:
        """End `run` after the current callback. Sockets still open belong to whoever registered them."""
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

    def register(self, descriptor: int, events: int, handler: Handler) -> None:
        """Watch a socket for these events; errors and hang-ups are always reported."""
        self._epoll.register(descriptor, events)
        self._handlers[descriptor] = handler

    def modify(self, descriptor: int, events: int) -> None:
        """Watch a registered socket for other events."""
        self._epoll.modify(descriptor, events)

    def hand_over(self, descriptor: int, handler: Handler) -> None:
        """Report the events of a registered socket to another handler from now on."""
        self._handlers[descriptor] = handler

    def unregister(self, descriptor: int) -> None:
        """Report nothing of a registered socket any more, not even errors."""
        self._handlers.pop(descriptor, None)
        self._epoll.unregister(descriptor)

    def close(self, sock: socket.SocketType) -> None:
        """Close a socket and forget it.

        While a batch of events is being worked off the descriptor stays open until its end, so that no later event of
        that batch can meet a new socket with the same number.
        """
        self._handlers.pop(sock.fileno(), None)
        if self._dispatching:
            self._to_close.append(sock)
        else:
            sock.close()

    def _dispatch(self, seconds: float) -> None:
        events_of_batch = self._epoll.poll(seconds, BATCH)
        self._dispatching = True
        handlers = self._handlers
        for descriptor, events in events_of_batch:
            handler = handlers.get(descriptor)
            if handler is None:
                continue  # closed earlier in this batch
            try:
                handler.ready(events)
            except Exception:  # noqa: BLE001
                self.bug(handler.failed)
        if self._soon:
            self._call_soon()
        self._dispatching = False
        for sock in self._to_close:
            sock.close()
        self._to_close.clear()

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
