"""Introduces a client to its backend, by a header of the PROXY protocol."""

import socket
from typing import Final

from tidegate.core.preface.proxy_facts import Endpoints, ProxyTlvs
from tidegate.core.preface.proxy_version import ProxyVersion
from tidegate.core.unix_socket import UNIX
from tidegate.dataplane.accept.listener import Peer
from tidegate.dataplane.session.prefaced_session import PrefacedSession, SessionFacts
from tidegate.dataplane.session.session import Session
from tidegate.dataplane.wire import peek
from tidegate.link.sockets import borrowed

MAPPED_IPV4: Final = "::ffff:"
NOTHING_KNOWN: Final = SessionFacts()


class Introduction:
    """Sends the header of one version."""

    def __init__(self, version: str) -> None:
        self._version = ProxyVersion(version)

    def __call__(self, session: Session, descriptor: int) -> int:
        """Send it on a connection that has just been made; the error number if that has failed, or 0.

        It goes out at once, since a backend that speaks first waits for it, unless bytes of the client follow it at once.
        """
        flags = socket.MSG_NOSIGNAL | (socket.MSG_MORE if peek(session.client) == 1 else 0)
        try:
            header = self._version.header(_endpoints(session), _tlvs(session))
            with borrowed(descriptor) as sock:
                sock.send(header, flags)  # an empty buffer takes it whole
        except OSError as error:
            return error.errno or 0
        return 0


def _endpoints(session: Session) -> Endpoints | None:
    """Both ends of the client's connection; None for a client at a Unix socket that nobody has introduced."""
    if session.peer[0] == UNIX:
        return None
    return session.peer, _facts(session).destination or _own_address(session.client)


def _own_address(client: int) -> Peer:
    """Where the client has connected to."""
    with borrowed(client) as sock:
        host, port = sock.getsockname()[:2]
    return host.removeprefix(MAPPED_IPV4), port


def _tlvs(session: Session) -> ProxyTlvs:
    facts = _facts(session)
    agreed = "" if "," in facts.alpn else facts.alpn  # of several that a client offers, the backend is still to choose
    return ProxyTlvs(agreed, facts.sni or facts.host, facts.ssl, unique_id=session.owner.session_id(session).encode())


def _facts(session: Session) -> SessionFacts:
    return session.facts if isinstance(session, PrefacedSession) else NOTHING_KNOWN
