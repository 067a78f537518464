"""The phase of a session that connects to a backend, and to another one when that fails."""

import socket
from errno import EADDRNOTAVAIL, ECONNREFUSED, EINPROGRESS
from time import monotonic
from typing import Final

from tidegate.core.health.outlier import Failures
from tidegate.core.reasons import NO_RESOURCES, CloseReason, ConnectFailure, RejectReason, connect_failure
from tidegate.dataplane.loop.poller import EDGES, ERR, HUP
from tidegate.dataplane.relay.socket_close import reset_on_close
from tidegate.dataplane.routing.routing_backend import RoutingBackend
from tidegate.dataplane.session.relaying import Relaying
from tidegate.dataplane.session.session import BETWEEN, ENDED, Phase, Session
from tidegate.dataplane.session.waiting import Waiting
from tidegate.link.own_addresses import has_met_itself, precise_error
from tidegate.link.sockets import NODELAY

NONBLOCKING_STREAM: Final = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
MOST_WITHOUT_PORT: Final = 2
"""Backends that one session finds no local port for before it gives up."""


def start(session: Session) -> None:
    """Begin to dial, unless a limit is reached or other sessions wait for a backend."""
    listener, queue = session.listener, session.pool.queue
    listener.opened()
    session.pool.opened()
    if listener.limited and (refusal := listener.refusal(session, session.peer[0])):
        session.reject(refusal)
    elif queue is not None and queue.waiting:
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

    __slots__ = ("_backend", "_session", "_sock")

    def __init__(self, session: Session, backend: RoutingBackend) -> None:
        """Raises OSError when the system has no socket to give."""
        self._session, self._backend = session, backend
        self._sock = socket.SocketType(backend.family, NONBLOCKING_STREAM)
        session.phase = self
        self._sock.setsockopt(*NODELAY)
        reset_on_close(self._sock)
        for level, option, value in session.pool.early_options:
            self._sock.setsockopt(level, option, value)

    def begin(self) -> int:
        """Connect; answers the error number when that has failed at once, else 0."""
        session = self._session
        session.active_at = monotonic()
        error = self._sock.connect_ex(self._backend.address)
        if error and error != EINPROGRESS:
            return error
        session.owner.context.poller.register(self._sock.fileno(), EDGES, self)
        session.pool.dials.begin(self, session.active_at)
        return 0

    def ready(self, events: int) -> None:
        """The connection is there, or has failed."""
        session, backend = self._session, self._backend
        session.pool.dials.end(self)
        error = events & (ERR | HUP) and _error_of(self._sock)
        if not error and backend.may_meet_itself and has_met_itself(self._sock, *backend.address):
            error = ECONNREFUSED
        if error:
            self._fail_over(connect_failure(error))
        else:
            Relaying(session, backend, self._sock).begin(events)

    def timed_out(self) -> None:
        """Try another backend, unless this dial has ended since."""
        if self._session.phase is self:
            self._fail_over(ConnectFailure.TIMEOUT)

    def _fail_over(self, failure: ConnectFailure) -> None:
        """Try another backend."""
        self.give_up(failure)
        if self._session.phase is not ENDED:  # to report the failure may end all sessions: control may be gone
            dial(self._session)

    def give_up(self, failure: ConnectFailure, *, blames_backend: bool = True) -> None:
        """The dial has failed: close the socket, give the place back, and count and report it."""
        session, backend, pool = self._session, self._backend, self._session.pool
        session.backend = None  # first: whatever ends the session meanwhile must not give the place back again
        session.phase = BETWEEN
        if not session.tried:
            session.dial_failures = []
        session.tried.append(backend)
        session.dial_failures.append(failure)
        session.owner.context.poller.close(self._sock)
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
        self._session.owner.context.poller.close(self._sock)


def _error_of(sock: socket.SocketType) -> int:
    """What a dial failed with; 0 when the backend has sent something, even if the connection was reset after that."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return 0
    except OSError as error:
        return error.errno or 0
    return 0
