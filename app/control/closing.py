"""What happens to the live sessions of a backend that goes down or leaves: nothing, or orders to close them.

Only the verdict of probes closes sessions. An ejected backend keeps its: that it failed new connections says nothing about
those that work, and it may be back in half a minute.
"""

from collections.abc import Iterable, Iterator

import structlog

from app.control.pools import LivePool
from app.core.backend import State
from app.core.pool import BackendAdded, BackendRemoved, Change, StateChanged
from app.core.reasons import CloseReason
from app.link.messages import CloseSessions, KeepSessions
from app.settings import LiveSessions

_log = structlog.get_logger()


def closing_orders(pool: LivePool, changes: Iterable[Change], workers: int) -> Iterator[CloseSessions | KeepSessions]:
    """What to tell each of so many workers. A backend that is back, or usable again, keeps the sessions it still has."""
    settings = pool.settings
    if LiveSessions.CLOSE not in {settings.on_down, settings.on_removed}:
        return
    for change in changes:
        backend = change.member.backend.name
        if reason := _reason(pool, change):
            _log_closing(pool, backend, reason)
            rate = settings.close_rate / workers
            yield CloseSessions(pool.name, backend, reason.value, 0, 0, settings.close_window, rate)
        elif isinstance(change, BackendAdded) or (isinstance(change, StateChanged) and change.member.eligible):
            yield KeepSessions(pool.name, backend)


def _reason(pool: LivePool, change: Change) -> CloseReason | None:
    settings = pool.settings
    if isinstance(change, BackendRemoved):
        return CloseReason.BACKEND_REMOVED if settings.on_removed is LiveSessions.CLOSE else None
    if isinstance(change, StateChanged) and change.member.state is State.DOWN:
        still_used = pool.snapshot.members[change.member.backend.name].eligible
        return CloseReason.BACKEND_DOWN if settings.on_down is LiveSessions.CLOSE and not still_used else None
    return None


def _log_closing(pool: LivePool, backend: str, reason: CloseReason) -> None:
    if sessions := pool.active(backend):
        _log.warning("closing_started", pool=pool.name, backend=backend, reason=reason.value, sessions=sessions)
