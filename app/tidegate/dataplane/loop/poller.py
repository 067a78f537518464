"""The event loop of a worker: one epoll instance for its sockets, one heap for its timers, plain callbacks.

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

Callback = Callable[[int], None]


class CannotGoOnError(Exception):
    """A bug stopped what the process cannot do without: it must end, so that another one takes its place."""


class Poller:
    """Calls `callback(events)` for each ready socket, and timers when they are due.

    A callback that raises is a bug in it; `failed(callback)` is told, within the exception, so that one session pays for it.
    """

    def __init__(self, failed: Callable[[Callable[..., None]], None]) -> None:
        self._failed = failed
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}
        self._dispatching = False
        self._to_close: list[socket.SocketType] = []
        self._soon: list[Callable[[], None]] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
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

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call once, in so many seconds."""
        heappush(self._timers, (monotonic() + seconds, next(self._order), callback))

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call once, after the events that are known now."""
        self._soon.append(callback)

    def register(self, descriptor: int, events: int, callback: Callback) -> None:
        """Watch a socket for these events; errors and hang-ups are always reported."""
        self._epoll.register(descriptor, events)
        self._callbacks[descriptor] = callback

    def modify(self, descriptor: int, events: int) -> None:
        """Watch a registered socket for other events."""
        self._epoll.modify(descriptor, events)

    def hand_over(self, descriptor: int, callback: Callback) -> None:
        """Tell another callback of a registered socket's events from now on."""
        self._callbacks[descriptor] = callback

    def unregister(self, descriptor: int) -> None:
        """Report nothing of a registered socket any more, not even errors."""
        self._epoll.unregister(descriptor)

    def close(self, sock: socket.SocketType) -> None:
        """Close a socket and forget it.

        While a batch of events is being worked off the descriptor stays open until its end, so that no later event of
        that batch can meet a new socket with the same number.
        """
        self._callbacks.pop(sock.fileno(), None)
        if self._dispatching:
            self._to_close.append(sock)
        else:
            sock.close()

    def _dispatch(self, seconds: float) -> None:
        events_of_batch = self._epoll.poll(seconds, BATCH)
        self._dispatching = True
        callbacks = self._callbacks
        for descriptor, events in events_of_batch:
            callback = callbacks.get(descriptor)
            if callback is None:
                continue  # closed earlier in this batch
            try:
                callback(events)
            except Exception:  # noqa: BLE001
                self._failed(callback)
        if self._soon:
            self._call_soon()
        self._dispatching = False
        for sock in self._to_close:
            sock.close()
        self._to_close.clear()

    def _call_soon(self) -> None:
        callbacks, self._soon = self._soon, []
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001
                self._failed(callback)

    def _call_due_timers(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            callback = heappop(self._timers)[2]
            try:
                callback()
            except Exception:  # noqa: BLE001
                self._failed(callback)
