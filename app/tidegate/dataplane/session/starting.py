"""How a session starts: with what its listener wants to know before the dial, or with the dial."""

from tidegate.dataplane.accept.listener import Listener, Peer
from tidegate.dataplane.session.dialling import admit
from tidegate.dataplane.session.prefaced_session import PrefacedSession
from tidegate.dataplane.session.session import Session, SessionOwner


def new_session(owner: SessionOwner, listener: Listener, number: int, client: int, peer: Peer) -> Session:
    """The session of a client that has been accepted; it owns the client's socket."""
    if listener.preface is None:  # compiled, a class that is a value costs 800 instructions more to call
        return Session(owner, listener, number, client, peer)
    return PrefacedSession(owner, listener, number, client, peer)


def start(session: Session) -> None:
    """Begin with the preface if there is one, else with the dial."""
    listener = session.listener
    listener.opened()
    if listener.preface is not None and isinstance(session, PrefacedSession):
        listener.preface.begin(session)
    else:
        admit(session)
