"""Changes of pools as log lines."""

from collections.abc import Iterable
from typing import assert_never

from tidegate.control.log import event_log
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import BackendAdded, BackendAltered, BackendRemoved, Change, PanicChanged, StateChanged

EXPECTED = (State.UP, State.DRAINING)


def log_changes(changes: Iterable[Change | PanicChanged]) -> None:
    """One line per change."""
    for change in changes:
        match change:
            case BackendAdded(pool, member):
                event_log.info(
                    "backend_added",
                    pool=pool,
                    address=member.backend.host or None,
                    state=member.state.value,
                    **_who(member.backend),
                )
            case BackendRemoved(pool, member):
                event_log.info("backend_removed", pool=pool, **_who(member.backend))
            case BackendAltered(pool, member):
                event_log.info("backend_altered", pool=pool, address=member.backend.host or None, **_who(member.backend))
            case StateChanged():
                _log_state(change)
            case PanicChanged():
                _log_panic(change)
            case _:
                assert_never(change)


def _log_state(change: StateChanged) -> None:
    lasts = {} if change.seconds is None else {"seconds": round(change.seconds, 3)}
    (event_log.info if change.member.state in EXPECTED else event_log.warning)(
        _event(change),
        pool=change.pool,
        previous=change.previous.value,
        reason=change.reason,
        **_who(change.member.backend),
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
        case _, State.DRAINING:
            return "backend_draining"
        case _:
            return "backend_down"


def _log_panic(change: PanicChanged) -> None:
    (event_log.warning if change.panic else event_log.info)(
        "pool_panic_started" if change.panic else "pool_panic_ended",
        pool=change.pool,
        reason=f"{change.up} of {change.backends} backends are up",
    )


def _who(backend: Backend) -> dict[str, str]:
    """What a backend is called, and its pod where it has one."""
    known = (("pod", backend.pod), ("node", backend.node), ("zone", backend.zone))
    return {"backend": backend.name} | {key: value for key, value in known if value}
