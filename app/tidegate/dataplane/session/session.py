"""A session: one client connection and all that is done for it, from accept to its log line.

It goes through phases (`dialling`, perhaps `waiting`, `relaying`), may go back to an earlier one when a dial fails, and ends
exactly once with one reason.
"""

from typing import Final

from tidegate.core.health.outlier import Failures
from tidegate.core.reasons import CloseReason, ConnectFailure, RejectReason
from tidegate.dataplane.accept.listener import Listener, Peer
from tidegate.dataplane.relay.context import RelayContext
from tidegate.dataplane.relay.last_bytes import Lingering
from tidegate.dataplane.routing.routing_backend import RoutingBackend
from tidegate.dataplane.routing.routing_pool import RoutingPool


class SessionOwner:
    """What a session needs of its worker.

    A base class and no protocol: compiled, a session finds its attributes by their places instead of by their names, which
    saves 150 instructions each time.
    """

    context: RelayContext
    lingering: Lingering

    def backend_failed(self, pool: RoutingPool, backend: RoutingBackend, failure: Failures) -> None:
        """Tell control that a dial failed or that a session ended early."""
        raise NotImplementedError

    def session_id(self, session: "Session") -> str:
        """What the session is called in the log."""
        raise NotImplementedError

    def session_ended(self, session: "Session", reason: CloseReason) -> None:
        """Log the session and forget it."""
        raise NotImplementedError


class Phase:
    """One stage of a session and the resources that it holds.

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


CLOSED: Final = -1
"""In place of the descriptor of a socket that is closed."""

BETWEEN = Phase()
"""The phase of a session that has just been accepted, or is between two dials."""

ENDED = Phase()
"""The phase of a session that has ended."""


NOTHING_TRIED: Final[list[RoutingBackend]] = []
"""What nearly all sessions have tried, in place of 72 bytes for a list of their own. It stays empty."""


class Session:
    """From accept to close. It owns `client`, the descriptor of its socket. Times are of the monotonic clock, in seconds."""

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

    dial_failures: list[ConnectFailure]  # one for each that was tried; set with the first

    def __init__(self, owner: SessionOwner, listener: Listener, number: int, client: int, peer: Peer) -> None:
        self.owner, self.listener, self.number = owner, listener, number
        self.client, self.peer = client, peer
        self.pool = listener.pool
        self.phase: Phase = BETWEEN
        self.backend: RoutingBackend | None = None  # the one that it has a place on
        self.tried = NOTHING_TRIED
        self.attempts = 0
        self.connect_seconds: float | None = None
        self.queued_seconds: float | None = None
        self.rejected: RejectReason | None = None
        self.started_at = self.active_at = owner.context.poller.now
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

    def reroute(self, pool: RoutingPool) -> None:
        """Go to this pool, and count there."""
        self.listener.rerouted(self.pool, pool)
        self.pool = pool

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
        now = self.owner.context.poller.now
        try:
            reason = phase.conclude(reason, now)
        finally:  # a bug in the counters must not keep anything open
            self._release(phase, reason, now)

    def _release(self, phase: Phase, reason: CloseReason, now: float) -> None:
        """Count the session, give back what it holds, and log it."""
        pool = self.pool
        try:
            self._count(reason, now)
        finally:
            phase.cancel(reason)
            if pool.queue is not None:
                pool.queue.wake()
            if self.client != CLOSED:
                self._close_client()
            self.owner.session_ended(self, reason)

    def _count(self, reason: CloseReason, now: float) -> None:
        pool, backend = self.pool, self.backend
        pool.closed(reason, now - self.started_at, self.listener.active_cell, backend)
        if backend is not None and pool.affinity is not None:
            pool.affinity.seen(self.peer[0], backend.name)
        if self.listener.limited:
            self.listener.closed(self)

    def _close_client(self) -> None:
        """Close the client's socket with a reset: at once, or after the client has received what was sent to it."""
        if self.connect_seconds is None:
            self.owner.context.poller.loop.close(self.client)  # nothing has been sent
        else:
            self.owner.lingering.close(self.client)
