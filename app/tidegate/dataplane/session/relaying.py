"""The phase of a session that relays bytes between its client and a backend."""

from tidegate.core.health.outlier import Failures
from tidegate.core.longest_life import longest_life
from tidegate.core.reasons import BACKEND_ENDS, CLEAN_ENDS, CloseReason
from tidegate.dataplane.loop.poller import OUT
from tidegate.dataplane.routing.routing_backend import RoutingBackend
from tidegate.dataplane.session.session import CLOSED, Phase, Session
from tidegate.dataplane.wire import set_option
from tidegate.dataplane.wire.interface import SOURCE_ENDED


class Relaying(Phase):
    """Both flows of a session, and what they say about the backend. Owns the backend's socket."""

    __slots__ = (
        "_backend",
        "_descriptor",
        "_early_until",
        "_kept_alive",
        "_session",
        "_to_backend",
        "_to_client",
    )
    __deletable__ = ("_to_backend", "_to_client")  # compiled, an attribute must say that it can be deleted

    def __init__(self, session: Session, backend: RoutingBackend, descriptor: int) -> None:
        self._session, self._backend, self._descriptor = session, backend, descriptor
        self._early_until = 0.0  # until then an end is early; 0 when it is known whether this is a good session
        self._kept_alive = False  # most short sessions can do without these system calls

    def begin(self, events: int) -> None:
        """Relay from now on, and work off the events that the connection came with."""
        session, backend = self._session, self._backend
        pool, poller = session.pool, session.owner.context.poller
        to_backend, to_client = poller.loop.flows(self, session.client, self._descriptor)
        self._to_backend, self._to_client = to_backend, to_client
        session.phase = self
        now = poller.now
        session.connect_seconds = now - session.active_at
        session.active_at = now
        pool.connected(backend, session.connect_seconds)
        if pool.outlier_failures:
            self._early_until = now + pool.early_end
        poller.loop.relay(to_backend, to_client)
        if events & ~OUT:
            to_client.ready(events)  # the backend spoke first, and no other event will tell of it

    def sweep(self, now: float) -> None:
        """Put the bytes moved since the last sweep on the board; end a session that is idle or lives for too long."""
        session, pool = self._session, self._session.pool
        if not self._kept_alive:
            self._kept_alive = True
            if not self._backend.is_unix:
                for level, option, value in pool.late_options:
                    set_option(self._descriptor, level, option, value)
        if self._early_until:
            self._judge(None)
        if pool.affinity is not None:
            pool.affinity.seen(session.peer[0], self._backend.name)
        if pool.max_duration and self._has_lived_long_enough(now):
            session.end(CloseReason.MAX_DURATION)
        elif not self.flush(now) and pool.idle_timeout and now - session.active_at >= pool.idle_timeout:
            session.end(CloseReason.IDLE_TIMEOUT)

    def _has_lived_long_enough(self, now: float) -> bool:
        session, pool = self._session, self._session.pool
        most = longest_life(pool.max_duration, pool.max_duration_jitter_percent, session.number)
        return now - session.started_at >= most

    def flush(self, now: float) -> bool:
        """Add the bytes moved since the last flush to the board; answers whether there were any."""
        session, to_backend, to_client = self._session, self._to_backend, self._to_client
        if not session.pool.count_moved(self._backend, to_backend, to_client):
            return False
        session.active_at = now
        session.sent, session.received = to_backend.moved, to_client.moved
        return True

    def backend_ended(self) -> None:
        """The backend has sent its end, and the client has not."""
        if self._early_until:
            self._judge(CloseReason.BACKEND_EOF)

    def end(self, reason: CloseReason) -> None:
        """Both flows have ended, or one failed."""
        self._session.end(reason)

    def conclude(self, reason: CloseReason, now: float) -> CloseReason:
        """Count what has been moved, and the session for its backend or against it.

        When a connection has broken and last bytes are still passed on, that is the reason.
        """
        if reason not in CLEAN_ENDS:
            for flow in (self._to_backend, self._to_client):
                if flow.broken:
                    reason = flow.reasons.source_broke
                    break
        self.flush(now)
        if self._early_until:
            self._judge(reason)
        return reason

    def cancel(self, reason: CloseReason) -> None:
        """Stop both flows and close the backend's socket, and the client's with it where the session ends in order."""
        session, to_backend, to_client = self._session, self._to_backend, self._to_client
        del self._to_backend, self._to_client  # they know this phase: without the circle all are freed at once
        if reason in CLEAN_ENDS:
            session.client = CLOSED
            session.owner.context.poller.loop.end_in_order(to_backend, to_client)
        else:
            to_backend.stop()
            to_client.stop()
            session.owner.lingering.close(self._descriptor)

    def _judge(self, reason: CloseReason | None) -> None:
        """Count the session for its backend or against it, once that is clear: at its end (which has a reason) or before.

        It is good when it has got a byte or lived for long enough. One that the client ended before says nothing.
        """
        to_backend, to_client = self._to_backend, self._to_client
        if to_client.moved or self._session.owner.context.poller.now >= self._early_until:
            self._backend.went_well()
        elif reason is None:
            return
        elif reason is CloseReason.BACKEND_EOF or (reason in BACKEND_ENDS and to_backend.state != SOURCE_ENDED):
            session = self._session
            early_end = Failures.of_early_end(to_backend.moved, session.peer[0])
            session.owner.backend_failed(session.pool, self._backend, early_end)
        self._early_until = 0.0
