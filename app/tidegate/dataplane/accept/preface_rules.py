"""What a listener wants to know of a client before it dials."""

from collections.abc import Mapping
from math import inf

from tidegate.core.listener_options import ListenerOptions
from tidegate.core.preface.address_ranges import AddressRanges, parse_ranges
from tidegate.core.preface.routes import FirstBytes, Routes
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.loop.shared_timeout import SharedTimeout, Timed
from tidegate.dataplane.routing.routing_pool import RoutingPool

MOST_WAITING = 1024
"""Clients of a listener that a worker waits for at a time. When there is one more, the first of them has to go."""

COMPLAINT_INTERVAL = 1.0  # seconds between two log lines about bad first bytes at a listener


class PrefaceRules:
    """Who must send a PROXY header, where first bytes lead to, and the clients that are waited for now."""

    def __init__(self, poller: Poller, pools: Mapping[str, RoutingPool]) -> None:
        self._pools = pools
        self._waiting = SharedTimeout(poller)
        self.proxies: AddressRanges = parse_ranges(())
        self.routes = Routes()
        self._next_complaint, self._left_out = -inf, 0

    def configure(self, options: ListenerOptions) -> None:
        """Take over options; the time holds for who is waited for already, too."""
        self.proxies = parse_ranges(options.proxies)
        self.routes = Routes(options.routes)
        self._waiting.configure(options.preface_timeout)

    def concern(self, host: str) -> bool:
        """Whether a connection from this IP address begins with something to be looked at."""
        return self.routes.need_bytes or host in self.proxies

    def pool_for(self, known: FirstBytes, default: RoutingPool) -> RoutingPool | None:
        """The pool that the first bytes lead to: the default where no route matches, None where the client is refused."""
        name = self.routes.pool_for(known)
        if name is None:
            return default
        return self._pools.get(name)

    def complain(self, now: float) -> int | None:
        """Whether bad first bytes are to be logged now: None if not, else how many were not since the last time."""
        if now < self._next_complaint:
            self._left_out += 1
            return None
        left_out, self._left_out = self._left_out, 0
        self._next_complaint = now + COMPLAINT_INTERVAL
        return left_out

    def wait_for(self, client: Timed, now: float) -> None:
        """Limit the time that the client may take."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.end_oldest()
        self._waiting.begin(client, now)

    def wait_no_more_for(self, client: Timed) -> None:
        """All is known of the client, or it is gone."""
        self._waiting.end(client)
