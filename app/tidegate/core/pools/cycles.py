"""Finds chains of pools that lead back to their start, where backends of a pool are listeners of this same process.

A chain that ends at other backends is fine. A chain that leads back would make endless sessions out of one client or probe.
"""

import ipaddress
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tidegate.core.address import Address, destination

EVERY_IPV4 = "0.0.0.0"  # noqa: S104 compared, not bound
EVERY_ADDRESS = "::"


class Entrance(NamedTuple):
    """An address that a listener is bound to, and the listener's pool."""

    listener: str
    pool: str
    bind: Address


class Hop(NamedTuple):
    """A step from a pool to the next: a backend's address, and the entrance at which connections to it arrive."""

    address: Address
    entrance: Entrance

    def __str__(self) -> str:
        return f"{self.address} = listener {self.entrance.listener} -> pool {self.entrance.pool}"


class Entrances:
    """The addresses of all listeners. `is_own(host)` says whether an IP address is this machine's; it is called rarely."""

    def __init__(self, entrances: Iterable[Entrance], is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own
        self._by_port: dict[int, list[Entrance]] = {}
        for entrance in entrances:
            self._by_port.setdefault(entrance.bind.port, []).append(entrance)

    def hops(self, address: Address) -> list[Hop]:
        """The hops that a connection to this address may make: one for each pool that its listener leads to."""
        if not (entrances := self._by_port.get(address.port)):
            return []
        host = destination(address.host)
        return [Hop(address, entrance) for entrance in entrances if self._comes_in(host, entrance.bind.host)]

    def _comes_in(self, host: str, bind: str) -> bool:
        return bind == host or (_is_every_address(bind, host) and self._is_own(host))


def shortest_chain(start: str, goal: str, hops_of: Callable[[str], Iterable[Hop]]) -> tuple[Hop, ...] | None:
    """The shortest chain of hops from one pool to another, empty if they are the same pool. None if there is none."""
    chains: dict[str, tuple[Hop, ...]] = {start: ()}
    waiting = deque([start])
    while waiting and goal not in chains:
        pool = waiting.popleft()
        for hop in hops_of(pool):
            if hop.entrance.pool not in chains:
                chains[hop.entrance.pool] = (*chains[pool], hop)
                waiting.append(hop.entrance.pool)
    return chains.get(goal)


def way_back(pool: str, hop: Hop, hops_of: Callable[[str], Iterable[Hop]]) -> tuple[Hop, ...] | None:
    """The chain that begins with this hop and leads back to the pool, or None if there is none."""
    rest = shortest_chain(hop.entrance.pool, pool, hops_of)
    return None if rest is None else (hop, *rest)


def in_words(pool: str, hops: Iterable[Hop]) -> str:
    """A chain that begins at this pool, as text."""
    return " -> ".join([f"pool {pool}", *map(str, hops)])


def is_this_host(host: str) -> bool:
    """Whether the notation alone says that this is the own machine: `localhost`, loopback, or an unspecified address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified


def _is_every_address(bind: str, host: str) -> bool:
    return bind == EVERY_ADDRESS or (bind == EVERY_IPV4 and ":" not in host)
