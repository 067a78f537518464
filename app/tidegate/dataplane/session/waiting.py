"""The phase of a session that waits in the queue of its pool, because all backends are full.

What the client sends meanwhile stays in the kernel.
"""

from collections.abc import Callable, Sized
from errno import EAGAIN

from tidegate.core.reasons import CloseReason, RejectReason
from tidegate.dataplane.loop.poller import GONE
from tidegate.dataplane.routing.queue import Queue
from tidegate.dataplane.session.session import BETWEEN, ENDED, Phase, Session
from tidegate.dataplane.wire import peek


class Waiting(Phase):
    """One place in the queue, and what happens at the client's socket meanwhile. `dial` goes on once there is a
    backend: it is given, because the module `dialling` needs this one."""

    __slots__ = ("_dial", "_queue", "_session")

    def __init__(self, session: Session, queue: Queue, dial: Callable[[Session], None]) -> None:
        self._session, self._queue, self._dial = session, queue, dial

    def begin(self) -> bool:
        """Wait at the end of the queue, if there is room; answers whether there is."""
        session = self._session
        if not self._queue.join(self, session.queued_seconds or 0.0):
            return False
        try:
            session.owner.context.poller.loop.register(session.client, GONE, self)
        except OSError:
            self._queue.leave(self)
            raise
        session.phase = self
        return True

    @property
    def tried(self) -> Sized:
        """The backends that the session has tried."""
        return self._session.tried

    def reserve(self) -> bool:
        """Reserve a place on a backend; answers whether there was one."""
        return self._session.reserve()

    def leave(self) -> None:
        """Leave the queue. The client's socket is not watched any more."""
        self._session.phase = BETWEEN
        self._leave_queue()

    def dial(self) -> None:
        """Dial, unless the session has ended."""
        if self._session.phase is not ENDED:
            self._dial(self._session)

    def reject(self, reason: RejectReason) -> None:
        """End the session with a reset, because of a limit."""
        self._session.reject(reason)

    def end(self, reason: CloseReason) -> None:
        """End the session."""
        self._session.end(reason)

    def ready(self, _events: int) -> None:
        """The client has broken off, or sends nothing more. It waits on if it has sent something that is not read yet."""
        found = peek(self._session.client)
        if not found:
            self._session.end(CloseReason.CLIENT_EOF)
        elif found not in (1, -EAGAIN):
            self._session.end(CloseReason.CLIENT_RESET)

    def failed(self) -> None:
        """A bug broke an event or the dial that follows."""
        self._session.failed()

    def cancel(self, _reason: CloseReason) -> None:
        """Leave the queue."""
        self._leave_queue()

    def _leave_queue(self) -> None:
        session = self._session
        session.queued_seconds = self._queue.leave(self)
        session.owner.context.poller.loop.unregister(session.client)
