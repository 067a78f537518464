"""DNS records as backends.

Records come in any order, and in another one with each answer; backends have one order, so that an answer that says the
same changes nothing, and all replicas see the same list.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tidegate.core.address import Address, join_address
from tidegate.core.pools.backend import Backend

SHORTEST_TTL = 1.0


class Target(NamedTuple):
    """What an SRV record says (RFC 2782): where, and how much of the traffic it takes."""

    host: str
    port: int
    priority: int
    weight: int

    @property
    def address(self) -> Address:
        """The name of the backend: the name of the target, not its IP address."""
        return Address(self.host, self.port)


def address_backends(addresses: Iterable[str], port: int) -> list[Backend]:
    """One backend for each address, called `address:port`."""
    return [Backend(join_address(address, port), address, port) for address in in_order(addresses)]


def target_backends(targets: Iterable[Target], hosts: Mapping[str, Sequence[str]]) -> list[Backend]:
    """One backend for each target, called `target:port`, at the first of the addresses that `hosts` has for its name.

    The lowest priority is tried first, all others are backups: a pool has two tiers. Weight 0, "any server selection is not
    needed", is the smallest share that there is, 1. A target without an address is there, and not eligible.
    """
    best: dict[Address, Target] = {}
    for target in sorted(targets, key=lambda target: (target.priority, target.address, -target.weight)):
        best.setdefault(target.address, target)
    first = min((target.priority for target in best.values()), default=0)
    return [
        Backend(
            str(target.address),
            next(iter(hosts.get(target.host, ())), ""),
            target.port,
            weight=max(1, target.weight),
            backup=target.priority > first,
            others=tuple(hosts.get(target.host, ())[1:]),
        )
        for target in best.values()
    ]


def in_order(addresses: Iterable[str]) -> list[str]:
    """IP addresses without repetition, IPv4 first, and by number."""
    return sorted(set(addresses), key=_rank)


def bounded_ttl(ttl: float, longest: float) -> float:
    """Seconds after which records are asked for again."""
    return min(longest, max(SHORTEST_TTL, ttl))


def _rank(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)
