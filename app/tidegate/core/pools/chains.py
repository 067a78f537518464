"""Pools in a row: where a backend of one pool is a listener of this process, and the way that leads back to the same pool.

Such a row may end elsewhere. One that leads back would make sessions without end out of one client, or one probe.
"""

import ipaddress
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tidegate.core.address import Address, destination

EVERY_IPV4 = "0.0.0.0"  # noqa: S104 compared, not bound
EVERY_ADDRESS = "::"


class Entrance(NamedTuple):
    """An address that a listener is bound to, and the pool that its clients are given to."""

    listener: str
    pool: str
    bind: Address


class Hop(NamedTuple):
    """From a pool to the next: the address of a backend, and the entrance that it is."""

    address: Address
    entrance: Entrance

    def __str__(self) -> str:
        return f"{self.address} = listener {self.entrance.listener} -> pool {self.entrance.pool}"


class Entrances:
    """All addresses that clients come in by. `is_own(host)` says whether a host is this one, and is asked rarely."""

    def __init__(self, entrances: Iterable[Entrance], is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own
        self._by_port: dict[int, list[Entrance]] = {}
        for entrance in entrances:
            self._by_port.setdefault(entrance.bind.port, []).append(entrance)

    def hop(self, address: Address) -> Hop | None:
        """The hop that a connection to this address would be, if it comes in again by one of the entrances."""
        if not (entrances := self._by_port.get(address.port)):
            return None
        host = destination(address.host)
        for entrance in entrances:
            bind = entrance.bind.host
            if bind == host or (_is_every_address(bind, host) and self._is_own(host)):
                return Hop(address, entrance)
        return None


def way(start: str, goal: str, hops_of: Callable[[str], Iterable[Hop]]) -> tuple[Hop, ...] | None:
    """The shortest way from one pool to another, of no hop when they are the same; None where there is none."""
    ways: dict[str, tuple[Hop, ...]] = {start: ()}
    waiting = deque([start])
    while waiting and goal not in ways:
        pool = waiting.popleft()
        for hop in hops_of(pool):
            if hop.entrance.pool not in ways:
                ways[hop.entrance.pool] = (*ways[pool], hop)
                waiting.append(hop.entrance.pool)
    return ways.get(goal)


def way_back(pool: str, hop: Hop, hops_of: Callable[[str], Iterable[Hop]]) -> tuple[Hop, ...] | None:
    """The way round that begins with this hop of the pool; None where it leads elsewhere."""
    rest = way(hop.entrance.pool, pool, hops_of)
    return None if rest is None else (hop, *rest)


def in_words(pool: str, hops: Iterable[Hop]) -> str:
    """A way that begins at this pool."""
    return " -> ".join([f"pool {pool}", *map(str, hops)])


def is_this_host(host: str) -> bool:
    """Whether this is the host itself by its very notation: loopback, or the address that stands for any."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified


def _is_every_address(bind: str, host: str) -> bool:
    return bind == EVERY_ADDRESS or (bind == EVERY_IPV4 and ":" not in host)
