"""Backends from DNS records.

The order of records differs from answer to answer. Backends are sorted, so that an answer with the same records changes
nothing, and all replicas see the same list.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tidegate.core.address import Address, join_address
from tidegate.core.pools.backend import Backend

SHORTEST_TTL = 1.0


class Target(NamedTuple):
    """An SRV record (RFC 2782): host and port of a backend, its priority, and its share of the traffic."""

    host: str
    port: int
    priority: int
    weight: int

    @property
    def address(self) -> Address:
        """The name of the backend: the host name and port of the record, not an IP address."""
        return Address(self.host, self.port)


def address_backends(addresses: Iterable[str], port: int) -> list[Backend]:
    """One backend for each IP address, named `address:port`."""
    return [Backend(join_address(address, port), address, port) for address in in_order(addresses)]


def target_backends(targets: Iterable[Target], hosts: Mapping[str, Sequence[str]]) -> list[Backend]:
    """One backend for each target, named `target:port`, at the first of the addresses that `hosts` has for its name.

    Targets of the lowest priority are primaries and all others are backups, because a pool has two tiers. Weight 0 ("any
    server selection is not needed") becomes the smallest share, 1. A target without an address becomes a backend that is
    not eligible.
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
    """IP addresses without duplicates: IPv4 first, then in numerical order."""
    return sorted(set(addresses), key=_rank)


def bounded_ttl(ttl: float, longest: float) -> float:
    """Seconds until the next query for these records: their TTL, between SHORTEST_TTL and `longest`."""
    return min(longest, max(SHORTEST_TTL, ttl))


def _rank(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)
