"""The sessions of a pool that wait for a place on a backend, because all that are eligible are full.

First come, first served within a worker. Other workers do not say when they free a place: as long as sessions wait, a timer
looks for free places.
"""

from collections.abc import Callable, Sized
from time import monotonic
from typing import Protocol

from tidegate.core.reasons import CloseReason, RejectReason
from tidegate.dataplane.descriptors import most_sessions
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.report.counters import Counters
from tidegate.link.board import POOLS, PoolCell

TICK = 0.05  # seconds between two looks while sessions wait
MOST_REFUSED = 64  # in one look, of those that have tried the backends that have room


class Waiter(Protocol):
    """What waits in a queue: one phase of a session. Whatever ends it makes it leave the queue."""

    @property
    def tried(self) -> Sized:
        """The backends that it has tried: there may be a place for those behind it and none for it."""

    def reserve(self) -> bool:
        """Reserve a place on a backend; answers whether there was one."""

    def leave(self) -> None:
        """Leave the queue, because there is a place."""

    def dial(self) -> None:
        """Dial, unless the session has ended."""

    def reject(self, reason: RejectReason) -> None:
        """End the session with a reset, because of a limit."""

    def end(self, reason: CloseReason) -> None:
        """End the session."""

    def failed(self) -> None:
        """A bug broke it."""


class Queue:
    """The sessions that wait, longest first. `size` is for all workers together, `timeout` in seconds.

    `has_room` says whether any backend may take one more: while none may, no session asks for a place.
    """

    def __init__(self, poller: Poller, counters: Counters, pool_slot: int, has_room: Callable[[], bool]) -> None:
        self._poller, self._has_room = poller, has_room
        self._most_here = most_sessions(0) // 2  # those that wait leave descriptors to those that can be served
        self._cells = counters.cells
        self._cell = counters.slot(POOLS, pool_slot) + PoolCell.QUEUED
        self._elsewhere = counters.elsewhere(POOLS, pool_slot, PoolCell.QUEUED)
        self._ticks = self._woken = False
        self.waiting: dict[Waiter, float] = {}  # since when each waits, on the monotonic clock
        self.size, self.timeout = 0, 0.0

    def configure(self, size: int, timeout: float) -> None:
        """Change size and timeout, also for sessions that wait. A smaller size rejects none of them."""
        self.size, self.timeout = size, timeout

    def join(self, waiter: Waiter, waited: float) -> bool:
        """Wait at the end, if there is room; answers whether there is. The seconds that it has `waited` before count, too.

        All workers count before they look, as for connections of a backend.
        """
        if len(self.waiting) >= self._most_here:
            return False
        self._cells[self._cell] += 1
        if self._cells[self._cell] + sum(self._cells[cell] for cell in self._elsewhere) > self.size:
            self._cells[self._cell] -= 1
            return False
        self.waiting[waiter] = monotonic() - waited
        self._tick_later()
        return True

    def leave(self, waiter: Waiter) -> float:
        """Wait no longer; answers for how many seconds it has waited."""
        self._cells[self._cell] -= 1
        return monotonic() - self.waiting.pop(waiter)

    def wake(self) -> None:
        """There may be a place now."""
        if self.waiting and not self._woken:
            self._woken = True
            self._poller.call_soon(self._serve, self._tick_later)

    def drain(self) -> None:
        """End all sessions that wait: the worker is about to stop."""
        self.size = 0
        for waiter in list(self.waiting):
            waiter.end(CloseReason.DRAIN)

    def _serve(self) -> None:
        self._woken = False
        if not self.waiting or not self._has_room():
            return
        served: list[Waiter] = []
        refused = 0
        for waiter in self.waiting:
            if waiter.reserve():
                served.append(waiter)
            elif waiter.tried and refused < MOST_REFUSED:
                refused += 1
            else:
                break
        for waiter in served:
            waiter.leave()
            self._poller.call_soon(waiter.dial, waiter.failed)  # so that a bug in its dial costs only this session

    def _tick_later(self) -> None:
        if self.waiting and not self._ticks:
            self._ticks = True
            self._poller.call_later(TICK, self._tick, self._tick_later)

    def _tick(self) -> None:
        self._ticks = False
        self._tick_later()
        self._serve()
        longest = monotonic() - self.timeout
        for waiter in [waiter for waiter, since in self.waiting.items() if since <= longest]:
            waiter.reject(RejectReason.QUEUE_TIMEOUT)
