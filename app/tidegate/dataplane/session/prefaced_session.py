"""A session that may have begun with something to be looked at, and what that said.

A class of its own, so that other sessions need no memory for it.
"""

from typing import TYPE_CHECKING

from tidegate.core.shortening import shortened
from tidegate.dataplane.accept.listener import Listener, Peer
from tidegate.dataplane.session.session import Session, SessionOwner

if TYPE_CHECKING:
    from tidegate.core.preface.proxy_facts import ProxySsl

LONGEST_FIELD = 255


class SessionFacts:
    """What is known beyond the addresses of the connection; what is not known is None or empty.

    `peer` is who has connected, where that is not the client itself, and `destination` is where the client had connected
    to. `ssl` is what a proxy has said of the client's TLS. `detail` says what was wrong with the first bytes; of such
    sessions not all are logged: `left_out` is how many before this one were not.
    """

    __slots__ = ("alpn", "destination", "detail", "host", "is_logged", "left_out", "path", "peer", "sni", "ssl")

    def __init__(self) -> None:  # of a dataclass it would not be compiled, and cost ten times as much
        self.peer: Peer | None = None
        self.destination: Peer | None = None
        self.ssl: ProxySsl | None = None
        self.sni = self.alpn = self.host = self.path = self.detail = ""
        self.is_logged, self.left_out = True, 0

    def add_to(self, fields: dict[str, object]) -> None:
        """Add what the log says of it, except for the peer."""
        if not (self.sni or self.alpn or self.host or self.path or self.detail):
            return
        texts = {"sni": self.sni, "alpn": self.alpn, "host": self.host, "path": self.path, "detail": self.detail}
        fields.update((name, shortened(text, LONGEST_FIELD)) for name, text in texts.items() if text)
        if self.left_out:
            fields["left_out"] = self.left_out


class PrefacedSession(Session):
    """A session of a listener with rules about what comes before the dial."""

    __slots__ = ("facts",)

    def __init__(self, owner: SessionOwner, listener: Listener, number: int, client: int, peer: Peer) -> None:
        super().__init__(owner, listener, number, client, peer)
        self.facts = SessionFacts()
