"""The sessions of a pool that wait for a place on a backend, because all that are eligible are full.

First come, first served within a worker. Other workers free places without telling, so while somebody waits a timer looks.
What a client sends meanwhile stays in the kernel.
"""

import socket
from collections.abc import Callable, Sized
from time import monotonic
from typing import Protocol

from tidegate.core.reasons import CloseReason, RejectReason
from tidegate.dataplane.accept.descriptors import most_sessions
from tidegate.dataplane.loop.poller import GONE, Poller
from tidegate.dataplane.report.counters import Counters
from tidegate.link.board import POOLS, PoolCell

TICK = 0.05  # seconds between two looks while somebody waits
MOST_REFUSED = 64  # in one look, of those that have tried the backends that have room


class Waiting(Protocol):
    """A session that waits. Whatever ends it makes it leave the queue."""

    client: socket.SocketType
    queued_seconds: float | None

    @property
    def tried(self) -> Sized:
        """The backends that it does not want any more: there may be a place for those behind it and none for it."""

    def find_place(self) -> bool:
        """Reserve a place on a backend; answers whether there was one."""

    def take_place(self) -> None:
        """Dial, unless it has ended."""

    def reject(self, reason: RejectReason) -> None:
        """End with a reset, because it is not its client's turn."""

    def end(self, reason: CloseReason) -> None:
        """End."""

    def failed(self) -> None:
        """A bug broke it."""


class Queue:
    """Who waits, longest first. `size` is for all workers together, `timeout` in seconds.

    `has_room` says whether any backend may take one more, so that nobody asks in vain while all are full.
    """

    def __init__(self, poller: Poller, counters: Counters, pool_slot: int, has_room: Callable[[], bool]) -> None:
        self._poller, self._has_room = poller, has_room
        self._most_here = most_sessions(0) // 2  # whoever waits must not take the descriptors of those who can be served
        self._cells = counters.cells
        self._cell = counters.slot(POOLS, pool_slot) + PoolCell.QUEUED
        self._elsewhere = counters.elsewhere(POOLS, pool_slot, PoolCell.QUEUED)
        self._ticks = self._woken = False
        self.waiting: dict[Waiting, Place] = {}
        self.size, self.timeout = 0, 0.0

    def configure(self, size: int, timeout: float) -> None:
        """Change size and timeout, of those who wait, too; nobody is sent away because the queue has become smaller."""
        self.size, self.timeout = size, timeout

    def join(self, session: Waiting) -> bool:
        """Wait at the end, if there is room; the seconds that it has been queued before count, too.

        All workers count before they look, as for connections of a backend.
        """
        if len(self.waiting) >= self._most_here:
            return False
        self._cells[self._cell] += 1
        if self._cells[self._cell] + sum(self._cells[cell] for cell in self._elsewhere) > self.size:
            self._cells[self._cell] -= 1
            return False
        place = Place(self, session, monotonic() - (session.queued_seconds or 0.0))
        try:
            self._poller.register(session.client.fileno(), GONE, place.client_changed)
        except OSError:
            self._cells[self._cell] -= 1
            raise
        self.waiting[session] = place
        self._tick_later()
        return True

    def leave(self, session: Waiting) -> None:
        """Wait no longer, if it did. It knows for how long it has, and its client is not watched any more."""
        if (place := self.waiting.pop(session, None)) is None:
            return
        self._cells[self._cell] -= 1
        self._poller.unregister(session.client.fileno())
        session.queued_seconds = monotonic() - place.since

    def wake(self) -> None:
        """There may be a place now."""
        if self.waiting and not self._woken:
            self._woken = True
            self._poller.call_soon(self._serve)

    def drain(self) -> None:
        """Nobody waits any more: the worker is about to stop."""
        self.size = 0
        for session in list(self.waiting):
            session.end(CloseReason.DRAIN)

    def failed(self) -> None:
        """A bug broke a look at the queue; the next one tries again."""
        self._tick_later()

    def _serve(self) -> None:
        self._woken = False
        if not self.waiting or not self._has_room():
            return
        served: list[Waiting] = []
        refused = 0
        for session in self.waiting:
            if session.find_place():
                served.append(session)
            elif session.tried and refused < MOST_REFUSED:
                refused += 1
            else:
                break
        for session in served:
            self.leave(session)
            self._poller.call_soon(session.take_place)  # so that a bug in its dial costs only this session

    def _tick_later(self) -> None:
        if self.waiting and not self._ticks:
            self._ticks = True
            self._poller.call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._ticks = False
        self._tick_later()
        self._serve()
        longest = monotonic() - self.timeout
        for session in [session for session, place in self.waiting.items() if place.since <= longest]:
            session.reject(RejectReason.QUEUE_TIMEOUT)


class Place:
    """One session's place in the queue, and the callback of its client's socket."""

    __slots__ = ("_queue", "_session", "since")

    def __init__(self, queue: Queue, session: Waiting, since: float) -> None:
        self._queue, self._session, self.since = queue, session, since

    def client_changed(self, _events: int) -> None:
        """The client has broken off, or sends nothing more. It waits on if it has sent something that nobody has read."""
        if self._session in self._queue.waiting and (reason := self._end_of_client()):
            self._session.end(reason)

    def failed(self) -> None:
        """A bug broke that."""
        self._session.failed()

    def _end_of_client(self) -> CloseReason | None:
        try:
            return None if self._session.client.recv(1, socket.MSG_PEEK) else CloseReason.CLIENT_EOF
        except BlockingIOError:
            return None
        except OSError:
            return CloseReason.CLIENT_RESET
