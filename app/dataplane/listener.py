"""Accepts clients on the listening sockets that control has bound, and turns each into a session."""

import socket
from collections.abc import Callable
from errno import EMFILE, ENFILE, ENOBUFS, ENOMEM

from app.core.reasons import RejectReason
from app.dataplane.counters import Counters
from app.dataplane.poller import IN, Poller
from app.dataplane.pool import Pool
from app.link.board import LISTENERS, REJECTED_CELL, ListenerCell
from app.link.messages import ListenerAdded
from app.link.sockets import BACKLOG

ACCEPTS_PER_EVENT = 64  # then the sessions that live get their turn
NO_RESOURCES = frozenset({EMFILE, ENFILE, ENOBUFS, ENOMEM})
MAPPED_IPV4 = "::ffff:"

Peer = tuple[str, int]


class Listener:
    """One listener with its sockets, which it owns, and its counters.

    `accepted(listener, client, peer)` takes over each new connection; `exhausted(listener, error)` is told when the system
    has no descriptor or memory left for one.
    """

    def __init__(
        self,
        poller: Poller,
        counters: Counters,
        message: ListenerAdded,
        pool: Pool,
        sockets: list[socket.socket],
    ) -> None:
        self._poller = poller
        self._cells = counters.cells
        self._cell = counters.slot(LISTENERS, message.slot)
        self._active_cell = self._cell + ListenerCell.ACTIVE
        self._total_cell = self._cell + ListenerCell.TOTAL
        self.name = message.name
        self.pool = pool
        self._gates = [Gate(self, sock) for sock in sockets]
        self._paused = True

    def open(
        self,
        accepted: "Callable[[Listener, socket.SocketType, Peer], None]",
        exhausted: "Callable[[OSError], None]",
    ) -> None:
        """Begin to accept."""
        self.accepted, self.exhausted = accepted, exhausted
        for gate in self._gates:
            self._poller.register(gate.sock.fileno(), IN, gate.ready)
        self._paused = False

    def pause(self) -> None:
        """Leave new clients in the kernel's queue."""
        if not self._paused:
            self._paused = True
            self._cells[self._cell + ListenerCell.ACCEPT_PAUSES] += 1
            for gate in self._gates:
                self._poller.pause(gate.sock.fileno())

    def resume(self) -> None:
        """Accept again."""
        if self._paused:
            self._paused = False
            for gate in self._gates:
                self._poller.resume(gate.sock.fileno(), IN)

    def accept_waiting(self) -> None:
        """Accept all whom the kernel has let in already; those who come meanwhile do not make it endless."""
        for gate in self._gates:
            for _ in range(BACKLOG // ACCEPTS_PER_EVENT):
                if not gate.accept_some():
                    break

    def close(self) -> None:
        """Accept nobody any more."""
        for gate in self._gates:
            if not self._paused:
                self._poller.pause(gate.sock.fileno())  # control holds it open, so that closing would not end its events
            self._poller.close(gate.sock)

    @property
    def paused(self) -> bool:
        """Whether it does not accept at the moment."""
        return self._paused

    def opened(self) -> None:
        """Count a session that has begun."""
        self._cells[self._active_cell] += 1
        self._cells[self._total_cell] += 1

    def closed(self) -> None:
        """Count a session that has ended."""
        self._cells[self._active_cell] -= 1

    def rejected(self, reason: RejectReason) -> None:
        """Count a client that was turned away before a dial."""
        self._cells[self._cell + REJECTED_CELL[reason]] += 1


class Gate:
    """One listening socket of a listener."""

    def __init__(self, listener: Listener, sock: socket.socket) -> None:
        self.listener, self.sock = listener, sock
        self._kind = int(sock.family), int(sock.type), sock.proto

    def ready(self, _events: int) -> None:
        """Somebody waits."""
        self.accept_some()

    def accept_some(self) -> bool:
        """Accept who waits, a limited number; answers whether there may be more."""
        listener = self.listener
        for _ in range(ACCEPTS_PER_EVENT):
            if listener.paused:
                return False
            try:
                # Half the cost of `accept`, which makes an object of a class in Python and asks what kind of socket it is.
                descriptor, peer = self.sock._accept()  # type: ignore[attr-defined]  # noqa: SLF001
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno in NO_RESOURCES:
                    listener.exhausted(error)
                    return False
                continue  # a client that was gone before it was accepted
            client = socket.SocketType(*self._kind, fileno=descriptor)
            client.setblocking(False)
            listener.accepted(listener, client, (peer[0].removeprefix(MAPPED_IPV4), peer[1]))
        return True

    def failed(self) -> None:
        """A bug broke one accept; the next event tries again."""
