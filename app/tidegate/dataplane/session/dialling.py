"""The phase of a session that connects to a backend, and to another one when that fails."""

from errno import EADDRNOTAVAIL, EAGAIN, ECONNREFUSED
from typing import Final

from tidegate.core.health.outlier import Failures
from tidegate.core.reasons import NO_RESOURCES, CloseReason, ConnectFailure, RejectReason, connect_failure
from tidegate.dataplane.loop.poller import ERR, HUP
from tidegate.dataplane.routing.routing_backend import RoutingBackend
from tidegate.dataplane.session.relaying import Relaying
from tidegate.dataplane.session.session import BETWEEN, ENDED, Phase, Session
from tidegate.dataplane.session.unix_queue import UnixQueue
from tidegate.dataplane.session.waiting import Waiting
from tidegate.dataplane.wire import peek
from tidegate.link.own_addresses import has_met_itself, precise_error
from tidegate.link.sockets import borrowed

MOST_WITHOUT_PORT: Final = 2
"""Backends that one session finds no local port for before it gives up."""

NOT_TO_BLAME: Final = NO_RESOURCES | {EAGAIN}
"""Errors that are no fault of the backend's, but of this system, or of many clients at once."""


def admit(session: Session) -> None:
    """Begin to dial, unless a limit is reached or other sessions wait for a backend."""
    if not is_refused(session):
        proceed(session)


def is_refused(session: Session) -> bool:
    """Whether the session is one too many for its listener or its client; if so, it has ended."""
    listener = session.listener
    if listener.limited and (refusal := listener.refusal(session, session.peer[0])):
        session.reject(refusal)
        return True
    return False


def proceed(session: Session) -> None:
    """Begin to dial, unless other sessions wait for a backend."""
    queue = session.pool.queue
    if queue is not None and queue.waiting:
        _wait_or_end(session)
    else:
        dial(session)


def dial(session: Session) -> None:
    """Connect to one backend after the other until a connection is under way or nothing is left to try.

    Local ports are counted per pair of addresses: where one backend gets none, another may still get one. After two backends
    without one it gives up, because the system looks through all ports each time.
    """
    without_port = 0
    while session.attempts < session.pool.connect_attempts:
        if not session.reserve():
            _wait_or_end(session)
            return
        session.attempts += 1
        assert session.backend is not None
        try:
            dialling = Dialling(session, session.backend)
            error = dialling.begin()
        except OSError:  # no descriptor or memory for a socket: not the backend's fault, and no reason to try on
            session.end(CloseReason.ERROR)
            return
        if not error:
            return
        error = precise_error(error, session.backend.address[0])
        dialling.give_up(connect_failure(error), blames_backend=error not in NO_RESOURCES)
        if session.phase is ENDED:
            return
        without_port += error == EADDRNOTAVAIL
        if without_port == MOST_WITHOUT_PORT:
            break
    session.end(CloseReason.CONNECT_FAILED)


def _wait_or_end(session: Session) -> None:
    """There is no place now, or other sessions are first."""
    queue, full = session.pool.queue, session.pool.is_full(session.tried)
    if full and queue is not None and Waiting(session, queue, dial).begin():
        return
    if session.tried:
        session.end(CloseReason.CONNECT_FAILED)
    elif full:
        session.reject(RejectReason.QUEUE_FULL if queue is not None and queue.size else RejectReason.BACKENDS_FULL)
    else:
        session.listener.rejected(RejectReason.NO_BACKEND)
        session.end(CloseReason.NO_BACKEND)


class Dialling(Phase):
    """One dial, of a backend that the session has a place on. Owns the socket until it is connected."""

    __slots__ = ("_backend", "_descriptor", "_session")

    def __init__(self, session: Session, backend: RoutingBackend) -> None:
        self._session, self._backend = session, backend
        self._descriptor = -1  # none yet

    def begin(self) -> int:
        """Connect; answers the error number when that has failed at once, else 0.

        Raises OSError when the system has no socket to give.
        """
        session, backend = self._session, self._backend
        session.active_at = session.owner.context.poller.now
        error = EAGAIN if backend.queue else self._connect()
        if error == EAGAIN and backend.is_unix:
            if backend.queue is None:
                backend.queue = UnixQueue(session.owner.context.poller)
            backend.queue.join(self)
        elif error:
            return error
        session.phase = self
        session.pool.dials.begin(self, session.active_at)
        return 0

    def _connect(self) -> int:
        """Begin to connect; answers the error number when that has failed at once, else 0."""
        session = self._session
        loop = session.owner.context.poller.loop
        descriptor = loop.dial(self._backend.target, session.pool.early_options, self)
        if descriptor < 0:
            return -descriptor
        self._descriptor = descriptor
        return 0

    def try_again(self) -> bool:
        """The first in the line of a Unix socket dials again, and has left the line then unless there was no room."""
        session, backend = self._session, self._backend
        if not (backend.eligible and session.pool.has(backend)):
            self._failed_with(EAGAIN)
            return True
        try:
            error = self._connect()
        except OSError:  # no descriptor or memory
            session.end(CloseReason.ERROR)
            return True
        if error == EAGAIN:
            return False
        self._leave_queue()
        if error:
            self._failed_with(error)
        return True

    def _leave_queue(self) -> None:
        if self._backend.queue is not None:
            self._backend.queue.leave(self)

    def ready(self, events: int) -> None:
        """The connection is there, or has failed."""
        session, backend = self._session, self._backend
        session.pool.dials.end(self)
        error = _error_of(self._descriptor) if events & (ERR | HUP) else 0
        if not error and backend.may_meet_itself:
            with borrowed(self._descriptor) as sock:
                error = ECONNREFUSED if has_met_itself(sock, *backend.address) else 0
        if not error and session.pool.introduces is not None:
            error = session.pool.introduces(session, self._descriptor)
        if error:
            self._failed_with(error)
        else:
            Relaying(session, backend, self._descriptor).begin(events)

    def timed_out(self) -> None:
        """Try another backend, unless this dial has ended since."""
        if self._session.phase is self:
            self._fail_over(ConnectFailure.TIMEOUT)

    def _failed_with(self, error: int) -> None:
        self._session.pool.dials.end(self)
        self._fail_over(connect_failure(error), blames_backend=error not in NOT_TO_BLAME)

    def _fail_over(self, failure: ConnectFailure, *, blames_backend: bool = True) -> None:
        """Try another backend."""
        self.give_up(failure, blames_backend=blames_backend)
        if self._session.phase is not ENDED:  # to report the failure may end all sessions: control may be gone
            dial(self._session)

    def give_up(self, failure: ConnectFailure, *, blames_backend: bool = True) -> None:
        """The dial has failed: close the socket, give the place back, and count and report it."""
        session, backend, pool = self._session, self._backend, self._session.pool
        self._leave_queue()
        session.backend = None  # first: whatever ends the session meanwhile must not give the place back again
        session.phase = BETWEEN
        if not session.tried:
            session.tried, session.dial_failures = [], []
        session.tried.append(backend)
        session.dial_failures.append(failure)
        if self._descriptor >= 0:
            session.owner.context.poller.loop.close(self._descriptor)
        backend.failed(failure)
        backend.release()
        if pool.learns and blames_backend:
            pool.observe(backend, pool.dials.timeout)
        if pool.queue is not None:
            pool.queue.wake()
        if blames_backend:
            session.owner.backend_failed(pool, backend, Failures.of_dial(failure))

    def failed(self) -> None:
        """A bug broke it."""
        self._session.failed()

    def cancel(self, _reason: CloseReason) -> None:
        """Close the socket."""
        self._session.pool.dials.end(self)
        self._leave_queue()
        if self._descriptor >= 0:
            self._session.owner.context.poller.loop.close(self._descriptor)


def _error_of(descriptor: int) -> int:
    """What a dial failed with; 0 when the backend has sent something, even if the connection was reset after that."""
    found = peek(descriptor)
    return -found if found < 0 and found != -EAGAIN else 0
