"""What a listener wants to know of a client before it dials."""

from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING

from tidegate.core.listener_options import ListenerOptions
from tidegate.core.preface.address_ranges import AddressRanges, parse_ranges
from tidegate.core.preface.routes import FirstBytes, Routes
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.loop.shared_timeout import SharedTimeout, Timed
from tidegate.dataplane.routing.routing_pool import RoutingPool

if TYPE_CHECKING:
    from tidegate.dataplane.session.prefaced_session import PrefacedSession, SessionFacts

MOST_WAITING = 1024
"""Clients of a listener that a worker waits for at a time. When there is one more, the first of them has to go."""

MOST_KNOWN = 1024  # addresses that are remembered
COMPLAINT_INTERVAL = 1.0  # seconds between two log lines about bad first bytes at a listener


def _begin() -> "Callable[[PrefacedSession, PrefaceRules], None]":
    from tidegate.dataplane.session.preface import begin_preface  # noqa: PLC0415  it needs these rules, and only who has some needs it

    return begin_preface


class PrefaceRules:
    """Who must send a PROXY header, where first bytes lead to, and the clients that are waited for now."""

    def __init__(self, poller: Poller, pools: Mapping[str, RoutingPool]) -> None:
        self._pools = pools
        self._waiting = SharedTimeout(poller)
        self._proxies: AddressRanges = parse_ranges(())
        self._known: dict[str, bool] = {}
        self._begin = _begin()
        self.routes = Routes()
        self._next_complaint, self._left_out = -inf, 0

    def configure(self, options: ListenerOptions) -> None:
        """Take over options; the time holds for who is waited for already, too."""
        self._proxies = parse_ranges(options.proxies)
        self._known.clear()
        self.routes = Routes(options.routes)
        self._waiting.configure(options.preface_timeout)

    def begin(self, session: "PrefacedSession") -> None:
        """Let a session look at its first bytes, as far as these rules ask for them, and dial."""
        self._begin(session, self)

    def is_proxy(self, host: str) -> bool:
        """Whether connections from this IP address begin with a PROXY header. Proxies are few, so they are remembered."""
        known = self._known.get(host)
        if known is None:
            known = self._known[host] = host in self._proxies
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
        return known

    def pool_for(self, known: FirstBytes, default: RoutingPool) -> RoutingPool | None:
        """The pool that the first bytes lead to: the default where no route matches, None where the client is refused."""
        name = self.routes.pool_for(known)
        if name is None:
            return default
        return self._pools.get(name)

    def limit_log(self, facts: "SessionFacts", now: float) -> None:
        """Say whether a session with bad first bytes is logged, and how many were not since the last that was."""
        facts.is_logged = now >= self._next_complaint
        if facts.is_logged:
            facts.left_out, self._left_out = self._left_out, 0
            self._next_complaint = now + COMPLAINT_INTERVAL
        else:
            self._left_out += 1

    def wait_for(self, client: Timed, now: float) -> None:
        """Limit the time that the client may take."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.end_oldest()
        self._waiting.begin(client, now)

    def wait_no_more_for(self, client: Timed) -> None:
        """All is known of the client, or it is gone."""
        self._waiting.end(client)
