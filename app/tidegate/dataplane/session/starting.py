"""How a session starts: with what its listener wants to know before the dial, or with the dial."""

from typing import TYPE_CHECKING

from tidegate.dataplane.accept.listener import Listener, Peer
from tidegate.dataplane.session.dialling import admit
from tidegate.dataplane.session.prefaced_session import PrefacedSession
from tidegate.dataplane.session.session import Session, SessionOwner

if TYPE_CHECKING:
    from tidegate.dataplane.accept.preface_rules import PrefaceRules


def new_session(owner: SessionOwner, listener: Listener, number: int, client: int, peer: Peer) -> Session:
    """The session of a client that has been accepted; it owns the client's socket."""
    kind = Session if listener.preface is None else PrefacedSession
    return kind(owner, listener, number, client, peer)


def start(session: Session) -> None:
    """Begin with the preface if there is one, else with the dial."""
    listener = session.listener
    listener.opened()
    if listener.preface is not None and isinstance(session, PrefacedSession) and listener.preface.concern(session.peer[0]):
        _begin_preface(session, listener.preface)
    else:
        admit(session)


def _begin_preface(session: PrefacedSession, rules: "PrefaceRules") -> None:
    from tidegate.dataplane.session.preface import Preface  # noqa: PLC0415  its readers take memory that others do without

    Preface(session, rules).begin()
