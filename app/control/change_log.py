"""Changes of pools as log lines."""

from collections.abc import Iterable
from typing import assert_never

import structlog

from app.core.backend import State
from app.core.pool import BackendAdded, BackendAltered, BackendRemoved, Change, PanicChanged, StateChanged

_log = structlog.get_logger()


def log_changes(changes: Iterable[Change | PanicChanged]) -> None:
    """One line per change."""
    for change in changes:
        match change:
            case BackendAdded(pool, member):
                _log.info(
                    "backend_added",
                    pool=pool,
                    backend=member.backend.name,
                    address=member.backend.host or None,
                    state=member.state.value,
                )
            case BackendRemoved(pool, member):
                _log.info("backend_removed", pool=pool, backend=member.backend.name)
            case BackendAltered(pool, member):
                _log.info("backend_altered", pool=pool, backend=member.backend.name, address=member.backend.host or None)
            case StateChanged():
                _log_state(change)
            case PanicChanged():
                _log_panic(change)
            case _:
                assert_never(change)


def _log_state(change: StateChanged) -> None:
    lasts = {} if change.seconds is None else {"seconds": round(change.seconds, 3)}
    (_log.info if change.member.state is State.UP else _log.warning)(
        _event(change),
        pool=change.pool,
        backend=change.member.backend.name,
        previous=change.previous.value,
        reason=change.reason,
        **lasts,
    )


def _event(change: StateChanged) -> str:
    match change.previous, change.member.state:
        case _, State.EJECTED:
            return "backend_ejected"
        case State.EJECTED, State.UP:
            return "backend_restored"
        case _, State.UP:
            return "backend_up"
        case _:
            return "backend_down"


def _log_panic(change: PanicChanged) -> None:
    (_log.warning if change.panic else _log.info)(
        "pool_panic_started" if change.panic else "pool_panic_ended",
        pool=change.pool,
        reason=f"{change.up} of {change.backends} backends are up",
    )
