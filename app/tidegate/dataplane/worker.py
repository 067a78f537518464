"""A worker: applies what control sends, keeps the table of sessions, sweeps it, and drains it when told to."""

import gc
import os
import socket
import traceback
from functools import partial
from time import monotonic

from tidegate.core.address import is_ip
from tidegate.core.health.outlier import Failures
from tidegate.core.lifecycle import LONGEST_LAST_BYTES, closing_window
from tidegate.core.reasons import CloseReason
from tidegate.core.splice import Splice
from tidegate.core.unix_socket import is_unix
from tidegate.dataplane.accept.listener import Listener, Peer
from tidegate.dataplane.accept.listeners import Listeners
from tidegate.dataplane.loop.handler import cannot_go_on
from tidegate.dataplane.loop.link_watch import LinkWatch
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.relay.context import RelayContext
from tidegate.dataplane.relay.last_bytes import Lingering
from tidegate.dataplane.report.access_log import AccessLog
from tidegate.dataplane.report.counters import Counters
from tidegate.dataplane.routing.failure_reports import FailureReports
from tidegate.dataplane.routing.routing_backend import RoutingBackend
from tidegate.dataplane.routing.routing_pool import RoutingPool
from tidegate.dataplane.session.closer import Closer
from tidegate.dataplane.session.drain import DrainInProgress
from tidegate.dataplane.session.listing import matching
from tidegate.dataplane.session.session import Session, SessionOwner
from tidegate.dataplane.session.starting import new_session, start
from tidegate.link.board import SWEEP_INTERVAL, WORKER, Board, WorkerCell
from tidegate.link.channel import Channel
from tidegate.link.log_stream import LogStream
from tidegate.link.messages import (
    AffinityEntry,
    AffinityLearned,
    AffinityTold,
    BackendFailed,
    BackendsChanged,
    Drain,
    Hello,
    ListenerAdded,
    ListenerRemoved,
    ListenerShared,
    ListSessions,
    Message,
    PoolAdded,
    PoolRemoved,
    Ready,
    Sessions,
    SocketsLost,
    Stop,
)

STANDARD_OUTPUT = 1
LOG_FLUSH_INTERVAL = 0.1  # seconds, as all intervals here
LOG_FLUSH_SIZE = 32 * 1024
DRAIN_TICK = 0.05
LAST_LOG_WAIT = 0.4  # for a block that a slow reader of the log does not take


class Worker(SessionOwner):
    """One worker process as a whole."""

    def __init__(self, number: int, board: Board, link: socket.socket) -> None:
        self.poller = Poller(self._log_bug)
        self.lingering = Lingering(self.poller)
        self._number = number
        self._counters = Counters(board, number)
        self._cell = self._counters.slot(WORKER, 0)
        self._stream = LogStream(STANDARD_OUTPUT)
        self._log = AccessLog(self._stream, f"{number}{os.urandom(3).hex()}")
        self._pools: dict[str, RoutingPool] = {}
        self._sessions: dict[int, Session] = {}
        self._last_session = 0
        self._listeners = Listeners(
            self.poller, self._counters, self._sessions, self.lingering, self._accepted, self._log_now
        )
        self._closing = Closer(self.poller, self._sessions)
        self._drain: DrainInProgress | None = None
        self._last_bytes_wait = LONGEST_LAST_BYTES
        self._greeted = self._flush_is_due = False
        self._exit_code: int | None = None
        self._sweep_due = monotonic()
        self._channel = Channel(LinkWatch(self.poller), link, self._received, self._control_lost)

    def run(self) -> int:
        """Work until told to stop; answers the exit code."""
        try:
            self.poller.run()
        finally:
            self._stream.drain(LAST_LOG_WAIT)
            self._count_logged()
        return self._exit_code or 0

    def backend_failed(self, pool: RoutingPool, backend: RoutingBackend, failure: Failures) -> None:
        """Tell control, which probes the backend at once and may eject it; a storm is told a few times a second."""
        if backend.failures is None:
            backend.failures = FailureReports(self.poller, partial(self._report_failures, pool.name, backend.name))
        backend.failures.add(failure, backend.good, pool.outlier_failures)

    def _report_failures(self, pool: str, backend: str, good: int, new: Failures) -> None:
        counts = new.dials, new.resets, new.early_ends, new.disputed
        self._channel.send(BackendFailed(self._number, pool, backend, good, *counts, sorted(new.clients), new.reason))

    def session_id(self, session: Session) -> str:
        """What the session is called in the log."""
        return self._log.session_id(session)

    def session_ended(self, session: Session, reason: CloseReason) -> None:
        """Log the session and forget it."""
        del self._sessions[session.number]
        self._log.session_closed(session, reason, self.poller.now)
        if self._stream.size > LOG_FLUSH_SIZE:
            self._flush_log_now()
        if not self._flush_is_due:
            self._flush_log_later()

    def _affinity_learned(self, pool: str, entries: list[AffinityEntry]) -> None:
        self._channel.send(AffinityLearned(pool, entries))

    # What control sends

    def _received(self, message: Message) -> None:
        match message:
            case Hello():
                self._greet(message)
            case PoolAdded() | PoolRemoved() | BackendsChanged() | AffinityTold():
                self._change_pool(message)
            case ListenerAdded():
                self._add_listener(message)
            case ListenerShared():
                self._share_listener(message)
            case ListenerRemoved():
                self._listeners.close(message.name)
            case ListSessions():
                sessions = matching(self._sessions.values(), message, self._log.session_id)
                self._channel.send(Sessions(message.request, len(self._sessions), sessions))
            case Drain():
                self._start_drain(message.grace)
            case Stop():
                self._exit(0, CloseReason.DRAIN)
            case _:
                self._closing.received(message)

    def _greet(self, message: Hello) -> None:
        """Configure the log and begin the periodic work, which a second greeting does not begin again."""
        self._log.configure(sessions=message.log_sessions, console=message.log_console)
        if not self._greeted:
            self._greeted = True
            if message.has_inboxes and (sockets := self._take_sockets()):
                self._listeners.open_inboxes(sockets)
            self.context = RelayContext(self.poller, message.buffer_size, Splice(message.splice), self._counters.workers)
            self._sweep()

    def _change_pool(self, message: PoolAdded | PoolRemoved | BackendsChanged | AffinityTold) -> None:
        match message:
            case PoolAdded():
                self._add_pool(message)
            case PoolRemoved():
                self._pools.pop(message.name, None)
            case BackendsChanged():
                self._change_backends(message)
            case AffinityTold():
                self._pools[message.pool].told(message.entries)

    def _change_backends(self, message: BackendsChanged) -> None:
        """Take the changes over, without backends that have neither an IP address nor a Unix socket to dial."""
        usable, removed = [], list(message.removed)
        for entry in message.changed:
            if is_ip(entry.host) or is_unix(entry.host):
                usable.append(entry)
            else:
                removed.append(entry.name)
                fields: dict[str, object] = {
                    "pool": message.pool,
                    "backend": entry.name,
                    "reason": "neither an IP address nor a Unix socket",
                }
                self._log_now("error", "backend_unusable", fields)
        self._pools[message.pool].apply(usable, removed)

    def _add_pool(self, message: PoolAdded) -> None:
        if known := self._pools.get(message.name):
            known.configure(message.options)
        else:
            self._pools[message.name] = RoutingPool(self.poller, self._counters, message, self._affinity_learned)

    def _add_listener(self, message: ListenerAdded) -> None:
        if sockets := self._take_listening(message.name, self._number):
            self._listeners.add(message, self._pools, sockets)
            gc.freeze()  # what has been built so far stays: the collector need not look at it again
            self._channel.send(Ready(message.name))

    def _share_listener(self, message: ListenerShared) -> None:
        if sockets := self._take_listening(message.name, message.worker):
            self._listeners.share(message.name, message.worker, sockets)

    def _take_sockets(self) -> list[socket.socket]:
        """The sockets that have come with a message; none where there were no descriptors for them."""
        sockets = [socket.socket(fileno=descriptor) for descriptor in self._channel.take_descriptors()]
        for sock in sockets:
            sock.setblocking(False)
        return sockets

    def _take_listening(self, listener: str, worker: int) -> list[socket.socket]:
        """The sockets of a worker at a listener; where there are none, control is told."""
        sockets = self._take_sockets()
        if not sockets:
            self._channel.send(SocketsLost(listener, worker))
            if worker == self._number:
                self._listeners.lost(listener)
        return sockets

    # Accepting

    def _accepted(self, listener: Listener, client: int, peer: Peer) -> None:
        number = self._last_session + 1
        session = new_session(self, listener, number, client, peer)
        self._sessions[number] = session
        self._last_session = number
        try:  # from here on the session owns the client, whatever happens
            start(session)
            if len(self._sessions) + len(self.lingering.sockets) // 2 >= self._listeners.most_sessions:
                self._listeners.pause_full()
        except Exception:  # noqa: BLE001
            self.poller.bug(session.failed)

    # Periodic work

    def _sweep(self) -> None:
        """Flush the counters of live sessions, end idle ones, and say how late this was."""
        now = monotonic()
        cells = self._counters.cells
        cells[self._cell + WorkerCell.LOOP_LAG_MICROSECONDS] = int((now - self._sweep_due) * 1_000_000)
        cells[self._cell + WorkerCell.LOG_LINES_DROPPED] = self._stream.dropped
        cells[self._cell + WorkerCell.SWEPT_AT_MILLISECONDS] = int(now * 1000)
        for session in list(self._sessions.values()):
            try:
                session.phase.sweep(now)
            except Exception:  # noqa: BLE001
                self.poller.bug(session.failed)
        self.context.pipes.sweep()
        self._sweep_due = monotonic() + SWEEP_INTERVAL
        self.poller.call_later(SWEEP_INTERVAL, self._sweep, cannot_go_on)

    def _flush_log(self) -> None:
        self._flush_is_due = False
        self._flush_log_now()
        self._flush_log_later()

    def _flush_log_now(self) -> None:
        try:
            self._stream.flush()
        finally:  # what is written is written, also if there is no memory for the rest
            self._count_logged()

    def _count_logged(self) -> None:
        """Say how many ended sessions have their line, so that control knows how many lack it when this process dies."""
        ended = self._last_session - len(self._sessions)
        self._counters.cells[self._cell + WorkerCell.SESSIONS_LOGGED] = max(0, ended - self._stream.waiting)

    def _flush_log_later(self) -> None:
        """Flush again after LOG_FLUSH_INTERVAL if lines are left: few, or more than a slow reader of the log takes."""
        if self._stream.size and not self._flush_is_due:
            self._flush_is_due = True
            self.poller.call_later(LOG_FLUSH_INTERVAL, self._flush_log, cannot_go_on)

    def _log_now(self, level: str, event: str, fields: dict[str, object]) -> None:
        self._log.event(level, event, **fields)
        self._flush_log_now()
        self._flush_log_later()

    # The end

    def _start_drain(self, grace: float) -> None:
        self._listeners.close_all()
        for pool in self._pools.values():
            pool.drain()
        if self._drain is None:
            window = closing_window(grace)
            self._last_bytes_wait = window.last_bytes
            self._drain = DrainInProgress(monotonic(), window)
            self._continue_drain()

    def _continue_drain(self) -> None:
        assert self._drain is not None
        now = monotonic()
        for session in self._drain.due(list(self._sessions.values()), now):
            self._end_session(session, CloseReason.DRAIN)
        if self._sessions or (self.lingering.sockets and not self._drain.is_over(now)):
            self.poller.call_later(DRAIN_TICK, self._continue_drain, cannot_go_on)
        else:
            self._exit(0, CloseReason.DRAIN)

    def _end_session(self, session: Session, reason: CloseReason) -> None:
        try:
            session.end(reason)
        except Exception:  # noqa: BLE001
            self.poller.bug(None)

    def _control_lost(self) -> None:
        self._log_now("error", "control_lost", {"sessions": len(self._sessions)})
        self._exit(1, CloseReason.ERROR)

    def _exit(self, code: int, reason: CloseReason) -> None:
        if self._exit_code is not None:
            return
        self._exit_code = code
        self._listeners.stop()
        for session in list(self._sessions.values()):
            self._end_session(session, reason)
        self._flush_log_now()  # also if the wait that follows is cut short
        # The link stays open until the process has written its log: control takes its end for a death.
        self.lingering.when_empty(self.poller.stop, within=self._last_bytes_wait)

    def _log_bug(self) -> None:
        self._log_now("error", "internal_error", {"traceback": traceback.format_exc(limit=8)})


def run(number: int, workers: int, link: int, board: int) -> None:
    """Run worker `number` of `workers` until control stops it or goes away. `link` and `board` are descriptors."""
    gc.set_threshold(50_000, 20, 100)
    worker = Worker(number, Board(board, workers), socket.socket(fileno=link))
    os._exit(worker.run())  # nothing is left to clean up, and no thread to wait for
