"""The phase of a session before its dial, in which the client says who it is, by a PROXY header, and where it wants to go.

Bytes are peeked at and stay in the kernel, so that the relay finds the whole stream there; only a PROXY header is taken out.
"""

from errno import EAGAIN
from select import EPOLLET
from typing import Final

from tidegate.core.preface.client_hello import ClientHello, read_client_hello
from tidegate.core.preface.outcome import Incomplete, Malformed, NotThis
from tidegate.core.preface.proxy_facts import NO_TLVS, ProxyHeader
from tidegate.core.preface.proxy_header import LONGEST_PROXY_HEADER, read_proxy_header
from tidegate.core.preface.request_head import LONGEST_REQUEST_HEAD, RequestHead, read_request_head
from tidegate.core.preface.routes import FirstBytes
from tidegate.core.reasons import CloseReason, RejectReason
from tidegate.dataplane.accept.preface_rules import PrefaceRules
from tidegate.dataplane.loop.poller import ERR, HUP, IN, RDHUP
from tidegate.dataplane.session.dialling import is_refused, proceed
from tidegate.dataplane.session.prefaced_session import PrefacedSession
from tidegate.dataplane.session.session import BETWEEN, Phase
from tidegate.dataplane.wire import receive

ARRIVALS: Final = IN | RDHUP | EPOLLET  # bytes that are not taken would wake a level-triggered loop again and again
GONE: Final = ERR | HUP | RDHUP
LONGEST_FIRST_BYTES: Final = LONGEST_REQUEST_HEAD
MOST_LOOKS: Final = 64
"""Arrivals that are looked at as they come. A client that sends single bytes has its bytes read anew at each of them."""
NEXT_LOOK: Final = 0.05  # seconds, after that many


def begin_preface(session: PrefacedSession, rules: PrefaceRules) -> None:
    """Let a session look at its first bytes, as far as these rules ask for them, and dial."""
    Preface(session, rules, expects_header=rules.is_proxy(session.peer[0])).begin()


class Preface(Phase):
    """Looks at what a client has sent, until all is known that its listener's rules ask for."""

    __slots__ = (
        "_expects_header",
        "_has_ended",
        "_is_broken",
        "_is_timed",
        "_is_watched",
        "_looks",
        "_needed",
        "_rules",
        "_session",
    )

    def __init__(self, session: PrefacedSession, rules: PrefaceRules, *, expects_header: bool) -> None:
        self._session, self._rules = session, rules
        self._expects_header = expects_header
        self._is_watched = self._is_timed = self._has_ended = self._is_broken = False
        self._looks = 0
        self._needed = 1  # bytes, before which another look tells nothing

    def begin(self) -> None:
        """Look at what is there once the other events of this turn are done: most clients have sent all by then.

        At once, a half would still have nothing to look at, and cost an event, two system calls to watch for it, and one
        to look again. A client that no header will name is judged by its limits first: it must not take the room of others.
        """
        self._session.phase = self
        if self._expects_header or not is_refused(self._session):
            self._session.owner.context.poller.call_soon(self._look_again, self.failed)

    def ready(self, events: int) -> None:
        """Something has come, or the client sends no more."""
        if events & GONE:
            self._has_ended = True
            self._is_broken = bool(events & ERR)
        self._looks += 1
        if self._looks > MOST_LOOKS and not self._has_ended:
            self._unwatch()
            self._session.owner.context.poller.call_later(NEXT_LOOK, self._look_again, self.failed)
        else:
            self._go_on()

    def timed_out(self) -> None:
        """Turn the client away, unless it was ready in time."""
        if self._session.phase is self:
            self._session.reject(RejectReason.PREFACE_TIMEOUT)

    def failed(self) -> None:
        """A bug broke it."""
        self._session.failed()

    def cancel(self, _reason: CloseReason) -> None:
        """Stop to look."""
        self._leave()

    def _look_again(self) -> None:
        if self._session.phase is self:
            self._go_on()

    def _go_on(self) -> None:
        """Take out the header and find the route, as far as the bytes suffice; then dial."""
        session = self._session
        is_complete = self._has_header() and self._has_route()
        if session.phase is not self:
            return
        if is_complete:
            self._leave()
            session.phase = BETWEEN
            proceed(session)
        elif not self._is_watched:
            self._watch()

    def _watch(self) -> None:
        poller = self._session.owner.context.poller
        poller.loop.register(self._session.client, ARRIVALS, self)
        self._is_watched = True
        if not self._is_timed:
            self._is_timed = True
            self._rules.wait_for(self, poller.now)

    def _has_header(self) -> bool:
        """Take out the PROXY header, if one is still to come; whether there is none to wait for any more."""
        if not self._expects_header:
            return True
        data = self._first_bytes(LONGEST_PROXY_HEADER)
        if not data:
            return False
        header = read_proxy_header(data)
        if isinstance(header, ProxyHeader):
            self._expects_header = False
            self._needed = 1
            self._take(header)
            return self._session.phase is self
        self._refuse_unless_incomplete(header, "the stream ends in the PROXY header")
        return False

    def _take(self, header: ProxyHeader) -> None:
        """Believe the header, and judge the client by the address that it names."""
        session, facts = self._session, self._session.facts
        receive(session.client, header.length, False)
        if header.endpoints is not None:
            source, facts.destination = header.endpoints
            if source != session.peer:
                facts.peer, session.peer = session.peer, source
            tlvs = header.tlvs
            if tlvs is not NO_TLVS:
                facts.sni, facts.alpn, facts.ssl = tlvs.authority, tlvs.alpn, tlvs.ssl
        if not session.listener.allows(session.peer[0]):
            session.reject(RejectReason.DENIED)
        else:
            is_refused(session)

    def _has_route(self) -> bool:
        """Choose the pool by the first bytes, if a route asks for them; whether it is chosen."""
        session, rules = self._session, self._rules
        if not rules.routes.need_bytes:
            return True
        data = self._first_bytes(LONGEST_FIRST_BYTES)
        if not data:
            return False
        known = self._known(data)
        if not isinstance(known, FirstBytes):
            self._refuse_unless_incomplete(known, "the stream ends in its first bytes")
            return False
        pool = rules.pool_for(known, session.pool)
        if pool is None:
            session.reject(RejectReason.NO_ROUTE)
            return False
        session.reroute(pool)
        return True

    def _known(self, data: bytes) -> FirstBytes | Incomplete | Malformed:
        """What the first bytes say, as far as routes ask for it; other protocols say nothing."""
        routes, facts = self._rules.routes, self._session.facts
        if routes.needs_hello:
            hello = read_client_hello(data)
            if isinstance(hello, ClientHello):
                facts.sni, facts.alpn = hello.server_name, ",".join(hello.alpn)
                return FirstBytes(sni=hello.server_name, alpn=hello.alpn)
            if not isinstance(hello, NotThis):
                return hello
        if routes.needs_head:
            head = read_request_head(data)
            if isinstance(head, RequestHead):
                facts.host, facts.path = head.host, head.path
                return FirstBytes(host=head.host, path=head.path)
            if not isinstance(head, NotThis):
                return head
        return FirstBytes()

    def _first_bytes(self, most: int) -> bytes:
        """What has come, and stays in the kernel; empty when there is nothing. If the client has gone, the session ends."""
        data = receive(self._session.client, most, True)
        if isinstance(data, int):
            if data != -EAGAIN:
                self._session.end(CloseReason.CLIENT_RESET)
            return b""
        if not data:
            self._session.end(CloseReason.CLIENT_EOF)
        elif len(data) < self._needed and not self._has_ended:
            return b""
        return data

    def _refuse_unless_incomplete(self, outcome: Incomplete | Malformed, ended: str) -> None:
        if isinstance(outcome, Malformed):
            self._refuse(outcome.reason)
        elif self._is_broken:
            self._session.end(CloseReason.CLIENT_RESET)
        elif self._has_ended:
            self._refuse(ended)
        else:
            self._needed = outcome.needed

    def _refuse(self, detail: str) -> None:
        session, facts = self._session, self._session.facts
        facts.detail = detail
        self._rules.limit_log(facts, session.owner.context.poller.now)
        session.reject(RejectReason.PREFACE_INVALID)

    def _leave(self) -> None:
        if self._is_timed:
            self._rules.wait_no_more_for(self)
            self._unwatch()

    def _unwatch(self) -> None:
        if self._is_watched:
            self._is_watched = False
            self._session.owner.context.poller.loop.unregister(self._session.client)
