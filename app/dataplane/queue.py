"""The sessions of a pool that wait for a place on a backend, because all that are eligible are full.

First come, first served within a worker. Other workers free places without telling, so while somebody waits a timer looks.
What a client sends meanwhile stays in the kernel.
"""

import socket
from time import monotonic
from typing import Protocol

from app.core.reasons import CloseReason, RejectReason
from app.dataplane.counters import Counters
from app.dataplane.poller import ERR, GONE, HUP, Poller
from app.link.board import POOLS, PoolCell

TICK = 0.05  # seconds between two looks while somebody waits


class Waiting(Protocol):
    """A session that waits. Whatever ends it makes it leave the queue."""

    client: socket.SocketType

    @property
    def choosy(self) -> bool:
        """Whether there may be a place for those behind it when there is none for it."""

    def find_place(self) -> bool:
        """Reserve a place on a backend; answers whether there was one."""

    def take_place(self) -> None:
        """Leave the queue and dial soon."""

    def reject(self, reason: RejectReason) -> None:
        """End with a reset, because it is not its client's turn."""

    def end(self, reason: CloseReason) -> None:
        """End."""

    def failed(self) -> None:
        """A bug broke it."""


class Queue:
    """Who waits, longest first. `size` is for all workers together, `timeout` in seconds."""

    def __init__(self, poller: Poller, counters: Counters, pool_slot: int) -> None:
        self._poller = poller
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
        """Wait at the end, if there is room. All workers count before they look, as for connections of a backend."""
        self._cells[self._cell] += 1
        if self._cells[self._cell] + sum(self._cells[cell] for cell in self._elsewhere) > self.size:
            self._cells[self._cell] -= 1
            return False
        place = Place(self, session)
        try:
            self._poller.register(session.client.fileno(), GONE, place.client_changed)
        except OSError:
            self._cells[self._cell] -= 1
            raise
        self.waiting[session] = place
        self._tick_later()
        return True

    def leave(self, session: Waiting) -> float:
        """Wait no longer; answers for how many seconds it has. Its client is not watched any more."""
        self._cells[self._cell] -= 1
        self._poller.pause(session.client.fileno())
        return monotonic() - self.waiting.pop(session).since

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
        served: list[Waiting] = []
        for session in self.waiting:
            if session.find_place():
                served.append(session)
            elif not session.choosy:
                break
        for session in served:
            session.take_place()

    def _tick_later(self) -> None:
        if self.waiting and not self._ticks:
            self._ticks = True
            self._poller.call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._ticks = False
        self._tick_later()
        self._serve()
        longest = monotonic() - self.timeout
        while self.waiting and next(iter(self.waiting.values())).since <= longest:
            next(iter(self.waiting)).reject(RejectReason.QUEUE_TIMEOUT)


class Place:
    """One session's place in the queue, and the callback of its client's socket."""

    __slots__ = ("_queue", "_session", "since")

    def __init__(self, queue: Queue, session: Waiting) -> None:
        self._queue, self._session = queue, session
        self.since = monotonic()

    def client_changed(self, events: int) -> None:
        """The client has broken off, or sends nothing more. It waits on if it has sent something that nobody has read."""
        if self._session in self._queue.waiting and (reason := self._end_of_client(events)):
            self._session.end(reason)

    def failed(self) -> None:
        """A bug broke that."""
        self._session.failed()

    def _end_of_client(self, events: int) -> CloseReason | None:
        if events & (ERR | HUP):
            return CloseReason.CLIENT_RESET
        try:
            return None if self._session.client.recv(1, socket.MSG_PEEK) else CloseReason.CLIENT_EOF
        except BlockingIOError:
            return None
        except OSError:
            return CloseReason.CLIENT_RESET
