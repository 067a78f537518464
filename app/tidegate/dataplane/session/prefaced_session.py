"""A session that may have begun with something to be looked at, and what that said.

A class of its own, so that other sessions need no memory for it.
"""

from dataclasses import dataclass

from tidegate.core.address import Address
from tidegate.core.shortening import shortened
from tidegate.dataplane.accept.listener import Listener, Peer
from tidegate.dataplane.session.session import Session, SessionOwner

LONGEST_FIELD = 255


@dataclass(slots=True)
class SessionFacts:
    """What is known beyond the addresses of the connection; what is not known is None or empty.

    `peer` is who has connected, where that is not the client itself, and `destination` is where the client had connected to.
    `detail` says what was wrong with the first bytes; `left_out` is how many such sessions before this one have no line in
    the log, and None if this one gets none either.
    """

    peer: Peer | None = None
    destination: Address | None = None
    sni: str = ""
    alpn: str = ""
    host: str = ""
    path: str = ""
    detail: str = ""
    left_out: int | None = 0

    @property
    def fields(self) -> dict[str, object]:
        """What the log says of it."""
        peer = str(Address(*self.peer)) if self.peer else ""
        names = ("peer", "sni", "alpn", "host", "path", "detail")
        values = (peer, self.sni, self.alpn, self.host, self.path, self.detail)
        known = {name: shortened(value, LONGEST_FIELD) for name, value in zip(names, values, strict=True) if value}
        return {**known, "left_out": self.left_out} if self.left_out else {**known}


class PrefacedSession(Session):
    """A session of a listener with rules about what comes before the dial."""

    __slots__ = ("facts",)

    def __init__(self, owner: SessionOwner, listener: Listener, number: int, client: int, peer: Peer) -> None:
        super().__init__(owner, listener, number, client, peer)
        self.facts = SessionFacts()
