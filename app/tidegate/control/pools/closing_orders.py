"""What happens to the live sessions of a backend that goes down or leaves, or of a backup once a primary is up again:
nothing, or orders to close them.

Only the verdict of probes closes sessions. An ejected backend keeps its: that it failed new connections says nothing about
those that work, and it may be back in half a minute.
"""

from collections.abc import Iterable, Iterator

from tidegate.control.log import event_log
from tidegate.control.pools.live_pool import LivePool
from tidegate.core.pools.backend import State
from tidegate.core.pools.snapshot import BackendAdded, BackendRemoved, Change, PanicChanged, StateChanged
from tidegate.core.reasons import CloseReason
from tidegate.link.messages import CloseSessions, KeepSessions
from tidegate.settings.words import LiveSessions

Orders = Iterator[CloseSessions | KeepSessions]


class BackendGrace:
    """Ends the sessions of backends that left a pool so many seconds ago; 0 lets them live to their end."""

    def __init__(self, pool: LivePool, seconds: float, workers: int) -> None:
        self._pool, self._seconds, self._workers = pool, seconds, workers
        self._ordered: set[str] = set()

    def configure(self, seconds: float) -> None:
        """Change the grace, also for backends that have left already."""
        self._seconds = seconds

    def tick(self, now: float) -> Orders:
        """What to tell each worker at this moment of the monotonic clock. To be called regularly."""
        if not self._seconds:
            return
        for name in self._ordered - self._pool.slots.left_at.keys():
            self._ordered.remove(name)
            yield KeepSessions(self._pool.name, name)  # it is back, or has no session left
        for name, left_at in self._pool.slots.left_at.items():
            if name not in self._ordered and now - left_at >= self._seconds:
                self._ordered.add(name)
                yield _close(self._pool, name, CloseReason.BACKEND_REMOVED, self._workers)


def closing_orders(pool: LivePool, changes: Iterable[Change | PanicChanged], workers: int) -> Orders:
    """What to tell each of so many workers. A backend that is back, or usable again, keeps the sessions it still has."""
    changes = tuple(changes)
    if LiveSessions.CLOSE in {pool.settings.on_down, pool.settings.on_removed}:
        yield from _orders_of_changes(pool, changes, workers)
    if pool.settings.on_primary_up is LiveSessions.CLOSE:
        yield from _orders_of_backups(pool, changes, workers)


def _orders_of_changes(pool: LivePool, changes: Iterable[Change | PanicChanged], workers: int) -> Orders:
    for change in changes:
        if isinstance(change, PanicChanged):
            yield from _orders_of_panic(pool, workers)
            continue
        backend = change.member.backend.name
        if reason := _reason(pool, change):
            yield _close(pool, backend, reason, workers)
        elif isinstance(change, BackendAdded) or (isinstance(change, StateChanged) and change.member.eligible):
            yield KeepSessions(pool.name, backend)


def _orders_of_panic(pool: LivePool, workers: int) -> Orders:
    """While health is ignored a backend that is down is used, and keeps its sessions; afterwards it is as down as any."""
    if pool.settings.on_down is not LiveSessions.CLOSE:
        return
    for name, member in pool.snapshot.members.items():
        if member.state is State.DOWN:
            closes = not member.eligible
            yield _close(pool, name, CloseReason.BACKEND_DOWN, workers) if closes else KeepSessions(pool.name, name)


def _orders_of_backups(pool: LivePool, changes: Iterable[Change | PanicChanged], workers: int) -> Orders:
    """Clients go back to the primaries when one comes up, and are left alone while there is none."""
    members = pool.snapshot.members.values()
    backups = [member for member in members if member.backend.backup]
    primaries = [change for change in changes if not isinstance(change, PanicChanged) and not change.member.backend.backup]
    if any(isinstance(change, StateChanged | BackendAdded) and change.member.state is State.UP for change in primaries):
        for member in backups:
            yield _close(pool, member.backend.name, CloseReason.REBALANCE, workers)
    elif primaries and not any(member.eligible for member in members if not member.backend.backup):
        for member in backups:
            if member.state is not State.DOWN or pool.settings.on_down is LiveSessions.KEEP:
                yield KeepSessions(pool.name, member.backend.name)


def _close(pool: LivePool, backend: str, reason: CloseReason, workers: int) -> CloseSessions:
    _log_closing(pool, backend, reason)
    window, rate = pool.settings.close_window, pool.settings.close_rate / workers
    return CloseSessions(pool.name, backend, reason.value, 0, 0, window, rate)


def _reason(pool: LivePool, change: Change) -> CloseReason | None:
    settings = pool.settings
    if isinstance(change, BackendRemoved):
        return CloseReason.BACKEND_REMOVED if settings.on_removed is LiveSessions.CLOSE else None
    if isinstance(change, StateChanged) and change.member.state is State.DOWN:
        still_used = pool.snapshot.members[change.member.backend.name].eligible
        return CloseReason.BACKEND_DOWN if settings.on_down is LiveSessions.CLOSE and not still_used else None
    return None


def _log_closing(pool: LivePool, backend: str, reason: CloseReason) -> None:
    if sessions := pool.slots.active(backend):
        event_log.warning("closing_started", pool=pool.name, backend=backend, reason=reason.value, sessions=sessions)
