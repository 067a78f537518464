"""The event loop of a worker: one epoll instance for its sockets, one heap for its timers, plain callbacks.

Nothing else is needed here, so asyncio and uvloop are not loaded: they would cost each worker 6 MB, and each turn of an
epoll nested in another loop one more system call.
"""

import select
import socket
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from time import monotonic

IN, OUT, ERR, HUP = select.EPOLLIN, select.EPOLLOUT, select.EPOLLERR, select.EPOLLHUP
BATCH = 256
TIDY_FROM = 1024  # cancelled timers, before it is worth it to sweep them out of the heap

Callback = Callable[[int], None]


class Timer:
    """A call to come."""

    __slots__ = ("_poller", "callback")

    def __init__(self, poller: "Poller", callback: Callable[[], None]) -> None:
        self._poller = poller
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not call."""
        if self.callback is not None:
            self.callback = None
            self._poller.timer_cancelled()


class Poller:
    """Calls `callback(events)` for each ready socket, level-triggered, and timers when they are due.

    A callback that raises is a bug in it; `failed(callback)` is told, within the exception, so that one session pays for it.
    """

    def __init__(self, failed: Callable[[Callable[..., None]], None]) -> None:
        self._failed = failed
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}
        self._dispatching = False
        self._to_close: list[socket.socket] = []
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._cancelled = 0
        self._running = True

    def run(self) -> None:
        """Work until `stop`."""
        while self._running:
            self._dispatch(self._until_next_timer())
            self._call_due_timers(monotonic())
        self._epoll.close()

    def stop(self) -> None:
        """End `run` after the current callback. Sockets still open belong to whoever registered them."""
        self._running = False

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call once, in so many seconds."""
        timer = Timer(self, callback)
        heappush(self._timers, (monotonic() + seconds, next(self._order), timer))
        return timer

    def timer_cancelled(self) -> None:
        """Sweep cancelled timers out when they are many: each dial leaves one."""
        self._cancelled += 1
        if self._cancelled > max(TIDY_FROM, len(self._timers) // 2):
            self._timers = [entry for entry in self._timers if entry[2].callback is not None]
            heapify(self._timers)
            self._cancelled = 0

    def register(self, descriptor: int, events: int, callback: Callback) -> None:
        """Watch a socket for these events; errors and hang-ups are always reported."""
        self._epoll.register(descriptor, events)
        self._callbacks[descriptor] = callback

    def modify(self, descriptor: int, events: int) -> None:
        """Watch a registered socket for other events."""
        self._epoll.modify(descriptor, events)

    def hand_over(self, descriptor: int, events: int, callback: Callback) -> None:
        """Watch a registered socket for other events, with another callback."""
        self._epoll.modify(descriptor, events)
        self._callbacks[descriptor] = callback

    def pause(self, descriptor: int) -> None:
        """Report nothing of a registered socket, not even errors, until `resume`."""
        self._epoll.unregister(descriptor)

    def resume(self, descriptor: int, events: int) -> None:
        """Watch a paused socket again."""
        self._epoll.register(descriptor, events)

    def close(self, sock: socket.socket) -> None:
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
        for descriptor, events in events_of_batch:
            callback = self._callbacks.get(descriptor)
            if callback is None:
                continue  # closed earlier in this batch
            try:
                callback(events)
            except Exception:  # noqa: BLE001
                self._failed(callback)
        self._dispatching = False
        for sock in self._to_close:
            sock.close()
        self._to_close.clear()

    def _until_next_timer(self) -> float:
        if not self._running:
            return 0.0
        return max(0.0, self._timers[0][0] - monotonic()) if self._timers else -1.0

    def _call_due_timers(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            timer = heappop(self._timers)[2]
            callback, timer.callback = timer.callback, None
            if callback is None:
                self._cancelled -= 1
                continue
            try:
                callback()
            except Exception:  # noqa: BLE001
                self._failed(callback)
