"""A session: one client connection and all that is done for it, from accept to its log line.

It goes through phases (`dialling`, perhaps `waiting`, `relaying`), may go back to an earlier one when a dial fails, and ends
exactly once with one reason.
"""

import socket
from time import monotonic
from typing import Protocol

from tidegate.core.health.outlier import Failures
from tidegate.core.reasons import CLEAN_ENDS, CloseReason, ConnectFailure, RejectReason
from tidegate.dataplane.accept.listener import Listener, Peer
from tidegate.dataplane.loop.handler import Handler
from tidegate.dataplane.relay.context import RelayContext
from tidegate.dataplane.relay.last_bytes import Lingering
from tidegate.dataplane.relay.socket_close import close_in_order
from tidegate.dataplane.routing.routing_backend import RoutingBackend
from tidegate.dataplane.routing.routing_pool import RoutingPool


class SessionOwner(Protocol):
    """What a session needs of its worker."""

    context: RelayContext
    lingering: Lingering

    def backend_failed(self, pool: RoutingPool, backend: RoutingBackend, failure: Failures) -> None:
        """Tell control that a dial failed or that a session ended early."""

    def session_ended(self, session: "Session", reason: CloseReason) -> None:
        """Log the session and forget it."""


class Phase(Handler):
    """One stage of a session and the resources that it holds. It handles the socket that it waits for, if any.

    This one holds nothing.
    """

    __slots__ = ()

    def sweep(self, now: float) -> None:
        """Do the periodic work."""

    def flush(self, now: float) -> bool:  # noqa: ARG002
        """Add the bytes moved since the last flush to the board; answers whether there were any."""
        return False

    def conclude(self, reason: CloseReason, now: float) -> CloseReason:  # noqa: ARG002
        """The session is about to end: bring its counters up to date; answers the reason that it ends with."""
        return reason

    def cancel(self, reason: CloseReason) -> None:
        """Give back all that the phase holds: a place in the queue, a dial, the backend's socket."""


BETWEEN = Phase()
"""The phase of a session that has just been accepted, or is between two dials."""

ENDED = Phase()
"""The phase of a session that has ended."""


class Session:
    """From accept to close. It owns the client's socket. Times are of the monotonic clock, in seconds."""

    __slots__ = (
        "active_at",
        "attempts",
        "backend",
        "client",
        "connect_seconds",
        "dial_failures",
        "listener",
        "number",
        "owner",
        "peer",
        "phase",
        "pool",
        "queued_seconds",
        "received",
        "rejected",
        "sent",
        "started_at",
        "tried",
    )

    dial_failures: list[ConnectFailure]  # one for each that was tried; set with the first, as nearly no session has any

    def __init__(self, owner: SessionOwner, listener: Listener, number: int, client: socket.SocketType, peer: Peer) -> None:
        self.owner, self.listener, self.number = owner, listener, number
        self.client, self.peer = client, peer
        self.pool = listener.pool
        self.phase: Phase = BETWEEN
        self.backend: RoutingBackend | None = None  # the one that it has a place on
        self.tried: list[RoutingBackend] = []
        self.attempts = 0
        self.connect_seconds: float | None = None
        self.queued_seconds: float | None = None
        self.rejected: RejectReason | None = None
        self.started_at = self.active_at = monotonic()
        self.sent = self.received = 0  # bytes to and from the backend, as of the last flush

    @property
    def backend_name(self) -> str | None:
        """The name of the backend it is on, or of the last one that was tried."""
        backend = self.last_backend
        return backend.name if backend else None

    @property
    def last_backend(self) -> RoutingBackend | None:
        """The backend it is on, or the last one that was tried."""
        return self.backend or (self.tried[-1] if self.tried else None)

    def reserve(self) -> bool:
        """Reserve a place on a backend, unless it has one; answers whether it has."""
        if self.backend is None:
            self.backend = self.pool.reserve(self.peer[0], self.tried)
        return self.backend is not None

    def failed(self) -> None:
        """End because of a bug in what the session did."""
        self.end(CloseReason.ERROR)

    def reject(self, reason: RejectReason) -> None:
        """End with a reset, because of a limit."""
        self.rejected = reason
        self.listener.rejected(reason)
        self.end(CloseReason.REJECTED)

    def end(self, reason: CloseReason) -> None:
        """Close both sides, count and log; only the first reason counts.

        Unless both directions came to their end, both peers get a reset, after what has been sent to them: a broken stream
        must never look complete.
        """
        phase = self.phase
        if phase is ENDED:
            return
        self.phase = ENDED
        now = monotonic()
        try:
            reason = phase.conclude(reason, now)
        finally:  # a bug in the counters must not keep anything open
            self._release(phase, reason, now)

    def _release(self, phase: Phase, reason: CloseReason, now: float) -> None:
        """Give back what the session holds, count and log it."""
        pool = self.pool
        if self.backend is not None:
            self.backend.release()
            if pool.affinity is not None:
                pool.affinity.seen(self.peer[0], self.backend.name)
        phase.cancel(reason)
        if pool.queue is not None:
            pool.queue.wake()
        self.listener.closed(self)
        pool.closed(reason, now - self.started_at)
        self.close(self.client, reason)
        self.owner.session_ended(self, reason)

    def close(self, sock: socket.SocketType, reason: CloseReason) -> None:
        """Close one of the two sockets: in order, or with a reset after the peer has received what was sent to it."""
        if self.connect_seconds is None:
            self.owner.context.poller.close(sock)  # nothing has been sent
        elif reason in CLEAN_ENDS:
            close_in_order(sock)
            self.owner.context.poller.close(sock)
        else:
            self.owner.lingering.close(sock)
