"""The live sessions of a worker, as control asks for them."""

from collections.abc import Callable, Iterable
from time import monotonic

from tidegate.core.address import Address
from tidegate.dataplane.session.prefaced_session import PrefacedSession
from tidegate.dataplane.session.session import Session
from tidegate.link.messages import ListSessions, SessionEntry


def matching(sessions: Iterable[Session], query: ListSessions, session_id: Callable[[Session], str]) -> list[SessionEntry]:
    """At most as many of these sessions as are asked for, with counters that are up to date."""
    now = monotonic()
    entries: list[SessionEntry] = []
    for session in sessions:
        if len(entries) == query.limit:
            break
        if query.pool in ("", session.pool.name) and query.backend in ("", session.backend_name):
            session.phase.flush(now)
            entries.append(_entry(session, session_id(session), now))
    return entries


def _peer_of(session: Session) -> str | None:
    peer = session.facts.peer if isinstance(session, PrefacedSession) else None
    return None if peer is None else str(Address(*peer))


def _entry(session: Session, name: str, now: float) -> SessionEntry:
    return SessionEntry(
        name,
        str(Address(*session.peer)),
        session.listener.name,
        session.pool.name,
        session.backend_name,
        round(now - session.started_at, 3),
        session.sent,
        session.received,
        round(now - session.active_at, 3),
        _peer_of(session),
        **(session.last_backend.location if session.last_backend else {}),
    )
