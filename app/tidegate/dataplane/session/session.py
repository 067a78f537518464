"""A session: one client connection and all that is done for it, from accept to its log line.

It dials a backend, another one when that fails, hands both sockets to the relay, and ends exactly once with one reason.
It owns both sockets.
"""

import socket
from errno import EADDRNOTAVAIL, ECONNREFUSED, EINPROGRESS
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

from tidegate.core.health.outlier import Failures
from tidegate.core.reasons import (
    BACKEND_ENDS,
    CLEAN_ENDS,
    NO_RESOURCES,
    CloseReason,
    ConnectFailure,
    RejectReason,
    connect_failure,
)
from tidegate.dataplane.loop.poller import EDGES, ERR, HUP, OUT
from tidegate.dataplane.relay.direction import Direction, Medium, relay
from tidegate.dataplane.routing.routing_pool import Pool, PoolBackend
from tidegate.dataplane.session.linger import close_in_order, reset_on_close
from tidegate.dataplane.session.lingering import Lingering
from tidegate.link.own_addresses import has_met_itself, precise_error
from tidegate.link.sockets import NODELAY

if TYPE_CHECKING:
    from tidegate.dataplane.accept.listener import Listener, Peer


NONBLOCKING_STREAM: Final = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
MOST_WITHOUT_PORT: Final = 2
"""Backends that one session finds no local port for before it gives up."""


class Owner(Protocol):
    """What a session needs of its worker."""

    medium: Medium
    lingering: Lingering

    def backend_failed(self, pool: Pool, backend: PoolBackend, failure: Failures) -> None:
        """Tell control that a dial failed or that a session ended early."""

    def session_ended(self, session: "Session", reason: CloseReason) -> None:
        """Log the session and forget it."""


class Session:
    """From accept to close. Times are of the monotonic clock, in seconds."""

    __slots__ = (
        "_early_until",
        "_flushed_spliced",
        "_kept_alive",
        "_owner",
        "active_at",
        "attempts",
        "backend",
        "backend_socket",
        "client",
        "connect_seconds",
        "dial_failures",
        "ended",
        "listener",
        "number",
        "peer",
        "pool",
        "queued_seconds",
        "received",
        "rejected",
        "sent",
        "started_at",
        "to_backend",
        "to_client",
        "tried",
    )

    dial_failures: list[ConnectFailure]  # one for each that was tried; set with the first, as nearly no session has any

    def __init__(self, owner: Owner, listener: "Listener", number: int, client: socket.SocketType, peer: "Peer") -> None:
        self._owner, self.listener, self.number = owner, listener, number
        self.client, self.peer = client, peer
        self.pool = listener.pool
        self.backend: PoolBackend | None = None
        self.backend_socket: socket.SocketType | None = None
        self.to_backend: Direction | None = None
        self.to_client: Direction | None = None
        self.tried: list[PoolBackend] = []
        self.attempts = 0
        self.connect_seconds: float | None = None
        self.queued_seconds: float | None = None
        self.rejected: RejectReason | None = None
        self.started_at = self.active_at = monotonic()
        self.ended = False
        self._early_until = 0.0  # until then an end is early; 0 when it is known whether this is a good session
        self._kept_alive = False  # most short sessions can do without these system calls
        self.sent = self.received = 0  # bytes to and from the backend, as of the last flush
        self._flushed_spliced = 0

    @property
    def backend_name(self) -> str | None:
        """What that backend is called."""
        backend = self.last_backend
        return backend.name if backend else None

    @property
    def last_backend(self) -> PoolBackend | None:
        """The backend it is on, or the last one that was tried."""
        return self.backend or (self.tried[-1] if self.tried else None)

    def start(self) -> None:
        """Begin to dial, unless a limit says no or others wait for a backend."""
        self.listener.opened()
        self.pool.opened()
        if self.listener.limited and (refusal := self.listener.refusal(self)):
            self.reject(refusal)
        elif self.pool.queue is not None and self.pool.queue.waiting:
            self._wait_or_end()
        else:
            self._dial()

    def sweep(self, now: float) -> None:
        """Put the bytes moved since the last sweep on the board; end the session when none have for too long."""
        if self.backend_socket is None or self.to_backend is None:
            return
        if not self._kept_alive:
            self._kept_alive = True
            for level, option, value in self.pool.late_options:
                self.backend_socket.setsockopt(level, option, value)
        if self._early_until:
            self._judge()
        if self.pool.affinity is not None and self.backend is not None:
            self.pool.affinity.seen(self.peer[0], self.backend.name)
        if not self.flush_counters(now) and self.pool.idle_timeout and now - self.active_at >= self.pool.idle_timeout:
            self.end(CloseReason.IDLE_TIMEOUT)

    def dial_timed_out(self) -> None:
        """Try another backend, unless this dial has come to its end since."""
        dials = self.backend_socket is not None and self.to_backend is None
        if self.ended or not dials or monotonic() - self.active_at < self.pool.dials.timeout:
            return
        self._dial_failed(ConnectFailure.TIMEOUT)
        self._dial()

    def backend_ended(self) -> None:
        """The backend has sent its end, and the client has not."""
        if self._early_until:
            self._judge(CloseReason.BACKEND_EOF)

    def failed(self) -> None:
        """A bug broke the dial or the relay."""
        self.end(CloseReason.ERROR)

    def end(self, reason: CloseReason) -> None:
        """Close both sides, count and log; only the first reason counts.

        Unless both directions came to their end, both peers get a reset, after what has been sent to them: a broken stream
        must never look complete.
        """
        if self.ended:
            return
        self.ended = True
        if reason not in CLEAN_ENDS:
            reason = self._what_broke() or reason
        now = monotonic()
        self.flush_counters(now)
        if self._early_until:
            self._judge(reason)
        if self.backend is not None:
            self.backend.release()
            if self.to_backend is None:
                self.pool.dials.end(self)
            if self.pool.affinity is not None:
                self.pool.affinity.seen(self.peer[0], self.backend.name)
        if self.pool.queue is not None:
            self.pool.queue.leave(self)
            self.pool.queue.wake()
        self.listener.closed(self)
        self.pool.closed(reason, now - self.started_at)
        self._close_sockets(reason)
        self._owner.session_ended(self, reason)
        if self.to_backend and self.to_client:
            self.to_backend.stop()
            self.to_client.stop()
            self.to_backend = self.to_client = None  # they know this session: without the circle all are freed at once

    def _close_sockets(self, reason: CloseReason) -> None:
        poller, backend_socket = self._owner.medium.poller, self.backend_socket
        if reason in CLEAN_ENDS and backend_socket is not None:
            close_in_order(self.client)
            close_in_order(backend_socket)
        elif self.to_backend is not None and backend_socket is not None:
            self._owner.lingering.close(self.client)
            self._owner.lingering.close(backend_socket)
            return
        poller.close(self.client)
        if backend_socket is not None:
            poller.close(backend_socket)

    def _what_broke(self) -> CloseReason | None:
        """What the relay is about to end with already, though last bytes are still passed on."""
        for direction in (self.to_backend, self.to_client):
            if direction is not None and direction.broken:
                return direction.way.source_broke
        return None

    def reject(self, reason: RejectReason) -> None:
        """End with a reset, because a limit says so."""
        self.rejected = reason
        self.listener.rejected(reason)
        self.end(CloseReason.REJECTED)

    # Waiting for a place on a backend

    def find_place(self) -> bool:
        """Reserve a place on a backend; answers whether there was one."""
        if self.backend is None:
            self.backend = self.pool.reserve(self.peer[0], self.tried)
        return self.backend is not None

    def take_place(self) -> None:
        """Dial the backend that it has got a place on."""
        if not self.ended:
            self._dial()

    def _wait_or_end(self) -> None:
        """There is no place now, or others are first."""
        queue, full = self.pool.queue, self.pool.is_full(self.tried)
        if full and queue is not None and queue.join(self):
            return
        if self.tried:
            self.end(CloseReason.CONNECT_FAILED)
        elif full:
            self.reject(RejectReason.QUEUE_FULL if queue is not None and queue.size else RejectReason.BACKENDS_FULL)
        else:
            self.listener.rejected(RejectReason.NO_BACKEND)
            self.end(CloseReason.NO_BACKEND)

    # Dialling

    def _dial(self) -> None:
        """Connect to one backend after the other until a connection is under way or nothing is left to try.

        Each pair of addresses has all local ports: where none is left for one backend another may have one. After two
        without one it gives up, because to look through all ports in vain takes the system long.
        """
        without_port = 0
        while self.attempts < self.pool.connect_attempts:
            if self.backend is None:
                self.backend = self.pool.reserve(self.peer[0], self.tried)
                if self.backend is None:
                    self._wait_or_end()
                    return
            self.attempts += 1
            try:
                error = self._connect(self.backend)
            except OSError:  # no descriptor or memory for a socket: not the backend's fault, and no reason to try on
                self.end(CloseReason.ERROR)
                return
            if error == EINPROGRESS or not error:
                return
            error = precise_error(error, self.backend.address[0])
            self._dial_failed(connect_failure(error), blames_backend=error not in NO_RESOURCES)
            without_port += error == EADDRNOTAVAIL
            if without_port == MOST_WITHOUT_PORT:
                break
        self.end(CloseReason.CONNECT_FAILED)

    def _connect(self, backend: PoolBackend) -> int:
        self.backend_socket = sock = socket.SocketType(backend.family, NONBLOCKING_STREAM)
        sock.setsockopt(*NODELAY)
        reset_on_close(sock)
        for level, option, value in self.pool.early_options:
            sock.setsockopt(level, option, value)
        self.active_at = monotonic()
        error = sock.connect_ex(backend.address)
        if error == EINPROGRESS or not error:
            self._owner.medium.poller.register(sock.fileno(), EDGES, self._dial_ready)
            self.pool.dials.begin(self, self.active_at)
        return error

    def _dial_ready(self, events: int) -> None:
        assert self.backend is not None
        assert self.backend_socket is not None
        self.pool.dials.end(self)
        error = events & (ERR | HUP) and _dial_error(self.backend_socket)
        if not error and self.backend.may_meet_itself and has_met_itself(self.backend_socket, *self.backend.address):
            error = ECONNREFUSED
        if error:
            self._dial_failed(connect_failure(error))
            self._dial()
        else:
            self._connected(events)

    def _dial_failed(self, failure: ConnectFailure, *, blames_backend: bool = True) -> None:
        assert self.backend is not None
        assert self.backend_socket is not None
        self._owner.medium.poller.close(self.backend_socket)
        self.backend.failed(failure)
        self.backend.release()
        if self.pool.learns and blames_backend:
            self.pool.observe(self.backend, self.pool.dials.timeout)
        if self.pool.queue is not None:
            self.pool.queue.wake()
        if blames_backend:
            self._owner.backend_failed(self.pool, self.backend, Failures.of_dial(failure))
        if not self.tried:
            self.dial_failures = []
        self.tried.append(self.backend)
        self.dial_failures.append(failure)
        self.backend = self.backend_socket = None

    def _connected(self, events: int) -> None:
        assert self.backend is not None
        assert self.backend_socket is not None
        now = monotonic()
        self.connect_seconds = now - self.active_at
        self.active_at = now
        self.pool.connect_seconds.observe(self.connect_seconds)
        if self.pool.learns:
            self.pool.observe(self.backend, self.connect_seconds)
        self.backend.connected()
        self.to_backend, self.to_client = relay(self._owner.medium, self, self.client, self.backend_socket)
        if self.pool.outlier_failures:
            self._early_until = now + self.pool.early_end
        if events & ~OUT:
            self.to_client.ready(events)  # it spoke first, and nobody will tell again

    def _judge(self, reason: CloseReason | None = None) -> None:
        """Count the session for its backend or against it, once that is clear: at its end (which has a reason) or before.

        It is good when it has got a byte or lived for long enough. One that the client ended before says nothing.
        """
        assert self.backend is not None
        assert self.to_backend is not None
        assert self.to_client is not None
        if self.to_client.moved or monotonic() >= self._early_until:
            self.backend.went_well()
        elif reason is None:
            return
        elif reason is CloseReason.BACKEND_EOF or (reason in BACKEND_ENDS and not self.to_backend.ended):
            early_end = Failures.of_early_end(self.to_backend.moved, self.peer[0])
            self._owner.backend_failed(self.pool, self.backend, early_end)
        self._early_until = 0.0

    def flush_counters(self, now: float) -> bool:
        """Put what has been moved since the last time on the board; answers whether that is anything."""
        to_backend, to_client, backend = self.to_backend, self.to_client, self.backend
        if to_backend is None or to_client is None or backend is None:
            return False
        sent, received = to_backend.moved - self.sent, to_client.moved - self.received
        if not sent and not received:
            return False
        self.active_at = now
        self.sent, self.received = to_backend.moved, to_client.moved
        spliced = to_backend.spliced + to_client.spliced - self._flushed_spliced
        self._flushed_spliced += spliced
        backend.moved(sent, received)
        self.pool.moved(sent + received - spliced, spliced)
        return True


def _dial_error(sock: socket.SocketType) -> int:
    """What a dial failed with; 0 when the backend has sent something, though it has broken off since."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return 0
    except OSError as error:
        return error.errno or 0
    return 0
