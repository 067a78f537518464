"""One line per session, at its end, through the log stream that all processes share."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic

import orjson

from tidegate.core.address import join_address
from tidegate.core.reasons import CloseReason
from tidegate.dataplane.session.session import Session
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
        self._sessions = sessions
        self._render: Callable[[Fields], bytes] = _console_line if console else _json_line

    def session_closed(self, session: Session, reason: CloseReason) -> None:
        """The one line of a session. Times in milliseconds."""
        if not self._sessions:
            return
        connect, backend = session.connect_seconds, session.last_backend
        line: Fields = {
            "timestamp": datetime.now(UTC),
            "level": "info",
            "event": "session_closed",
            "session": self.session_id(session),
            "listener": session.listener.name,
            "pool": session.pool.name,
            "backend": None if backend is None else backend.name,
            "client": join_address(*session.peer),
            "sent_bytes": session.sent,
            "received_bytes": session.received,
            "connect_ms": None if connect is None else _milliseconds(connect),
            "duration_ms": _milliseconds(monotonic() - session.started_at),
            "attempts": session.attempts,
            "reason": reason,
        }
        if session.rejected is not None:
            line["rejected"] = session.rejected
        if session.tried:
            tried = zip(session.tried, session.dial_failures, strict=True)
            line["tried"] = [{"backend": each.name, "failure": failure.value} for each, failure in tried]
        if session.queued_seconds is not None:
            line["queued_ms"] = _milliseconds(session.queued_seconds)
        if backend is not None and backend.location:
            line.update(backend.location)
        self._stream.write(self._render(line))

    def event(self, level: str, event: str, **fields: object) -> None:
        """Any event of this worker."""
        line = {"timestamp": datetime.now(UTC), "level": level, "event": event, **fields}
        self._stream.write(self._render(line))

    def session_id(self, session: Session) -> str:
        """What a session is called in the log and in `/connections`: unique over workers and their restarts."""
        return f"{self._session_prefix}-{session.number}"


def _milliseconds(seconds: float) -> float:
    """To the microsecond; a third of what `round` takes."""
    return int(seconds * 1_000_000) / 1000


def _json_line(fields: Fields) -> bytes:
    line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
    return bytes(memoryview(line))  # a copy of the right size: what orjson returns holds on to 8 KB, also while it waits


def _console_line(fields: Fields) -> bytes:
    timestamp, level, event = fields.pop("timestamp"), fields.pop("level"), fields.pop("event")
    rest = " ".join(f"{name}={_readable(value)}" for name, value in fields.items())
    return f"{timestamp:%Y-%m-%dT%H:%M:%S.%fZ} [{level:<9}] {event} {rest}\n".encode()


def _readable(value: object) -> object:
    """On a terminal `tried` is `10.0.0.5:8001=refused,10.0.0.6:8001=timeout`."""
    return ",".join("=".join(each.values()) for each in value) if isinstance(value, list) else value
