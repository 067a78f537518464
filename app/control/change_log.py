"""Changes of pools as log lines."""

from collections.abc import Iterable
from typing import assert_never

import structlog

from app.core.backend import State
from app.core.pool import BackendAdded, BackendAltered, BackendRemoved, Change, StateChanged

_log = structlog.get_logger()


def log_changes(changes: Iterable[Change]) -> None:
    """One line per change."""
    for change in changes:
        match change:
            case BackendAdded(pool, member):
                _log.info("backend_added", pool=pool, backend=member.backend.name, address=member.backend.host or None)
            case BackendRemoved(pool, member):
                _log.info("backend_removed", pool=pool, backend=member.backend.name)
            case BackendAltered(pool, member):
                _log.info("backend_altered", pool=pool, backend=member.backend.name, address=member.backend.host or None)
            case StateChanged():
                _log_state(change)
            case _:
                assert_never(change)


def _log_state(change: StateChanged) -> None:
    up = change.member.state is State.UP
    (_log.info if up else _log.warning)(
        "backend_up" if up else "backend_down",
        pool=change.pool,
        backend=change.member.backend.name,
        previous=change.previous.value,
        reason=change.reason,
    )
