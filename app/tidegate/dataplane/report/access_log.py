"""One line per session, at its end, through the log stream that all processes share."""

from datetime import UTC, datetime

import orjson

from tidegate.core.address import join_address
from tidegate.core.reasons import CloseReason
from tidegate.dataplane.routing.routing_backend import RoutingBackend
from tidegate.dataplane.session.prefaced_session import PrefacedSession
from tidegate.dataplane.session.session import Session
from tidegate.dataplane.wire import session_line
from tidegate.link.compact import compact
from tidegate.link.log_stream import LogStream

Fields = dict[str, object]


class AccessLog:
    """Writes `session_closed` lines, and the few other events of a worker, as JSON or as text for a terminal."""

    def __init__(self, stream: LogStream, session_prefix: str) -> None:
        self._stream = stream
        self._session_prefix = session_prefix
        self.configure(sessions=True, console=False)

    def configure(self, *, sessions: bool, console: bool) -> None:
        """Whether to log sessions at all, and whether for a terminal."""
        self._sessions, self._console = sessions, console

    def session_closed(self, session: Session, reason: CloseReason, now: float) -> None:
        """The one line of a session. Times in milliseconds."""
        if not self._sessions or (session.rejected is not None and _is_left_out(session)):
            return
        backend, connect = session.last_backend, session.connect_seconds
        host, port = session.peer
        line = session_line(
            self._session_prefix,
            session.number,
            session.listener.name,
            session.pool.name,
            None if backend is None else backend.name,
            host,
            port,
            session.sent,
            session.received,
            -1 if connect is None else int(connect * 1_000_000),
            int((now - session.started_at) * 1_000_000),
            session.attempts,
            reason,
            _rest_of(session, backend),
        )
        self._write(line)

    def event(self, level: str, event: str, **fields: object) -> None:
        """Any event of this worker."""
        line = {"timestamp": datetime.now(UTC), "level": level, "event": event, **fields}
        written = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
        self._write(compact(written))

    def _write(self, line: bytes) -> None:
        self._stream.write(_for_terminal(orjson.loads(line)) if self._console else line)

    def session_id(self, session: Session) -> str:
        """What a session is called in the log and in `/connections`: unique over workers and their restarts."""
        return f"{self._session_prefix}-{session.number}"


def _is_left_out(session: Session) -> bool:
    """Whether a rejected session is one of so many that send nonsense that it gets no line."""
    return isinstance(session, PrefacedSession) and not session.facts.is_logged


def _rest_of(session: Session, backend: RoutingBackend | None) -> bytes:
    """The fields that few sessions have, as JSON with a comma before each."""
    peer = b""
    fields: Fields = {}
    if session.rejected is not None:
        fields["rejected"] = session.rejected
    if isinstance(session, PrefacedSession):
        facts = session.facts
        if facts.peer is not None:  # behind a proxy all sessions have one, and nothing in an address needs an escape
            peer = f',"peer":"{join_address(facts.peer[0], facts.peer[1])}"'.encode()
        facts.add_to(fields)
    if session.tried:
        tried = zip(session.tried, session.dial_failures, strict=True)
        fields["tried"] = [{"backend": each.name, "failure": failure.value} for each, failure in tried]
    if session.queued_seconds is not None:
        fields["queued_ms"] = int(session.queued_seconds * 1_000_000) / 1000
    if backend is not None and backend.location:
        fields.update(backend.location)
    return peer + b"," + orjson.dumps(fields)[1:-1] if fields else peer


def _for_terminal(fields: Fields) -> bytes:
    timestamp, level, event = fields.pop("timestamp"), fields.pop("level"), fields.pop("event")
    rest = " ".join(f"{name}={_readable(value)}" for name, value in fields.items())
    return f"{timestamp} [{level:<9}] {event} {rest}\n".encode()


def _readable(value: object) -> object:
    """On a terminal `tried` is `10.0.0.5:8001=refused,10.0.0.6:8001=timeout`."""
    return ",".join("=".join(each.values()) for each in value) if isinstance(value, list) else value
