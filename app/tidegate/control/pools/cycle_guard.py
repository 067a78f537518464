"""Keeps backends out that would lead back to their own pool through a listener of this process.

Settings refuse what can be told from the addresses as written; names, DNS, Kubernetes and own addresses show it only here.
What a pool has already is not asked again: the backend that closes the way round is the one that stays out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from os.path import realpath

from tidegate.control.log import event_log
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.core.address import Address
from tidegate.core.pools.backend import Backend
from tidegate.core.pools.cycles import Entrance, Entrances, Hop, in_words, is_this_host, way_back
from tidegate.core.shortening import shortened
from tidegate.core.unix_socket import UNIX, path_of
from tidegate.link.own_addresses import source_address

LONGEST_REASON = 300


class CycleGuard:
    """Which backends lead back, by the addresses that are bound and the backends that the pools have now."""

    def __init__(self, listeners: Mapping[str, BoundListener], pools: Mapping[str, LivePool]) -> None:
        self._listeners, self._pools = listeners, pools
        self._told: dict[tuple[str, str], str] = {}

    def without(self, pool: str, backends: Iterable[Backend]) -> tuple[list[Backend], str]:
        """Return the backends that lead elsewhere, each with only such addresses, and why the others do not, in words."""
        entrances = Entrances(self._entrances(), is_own)
        known = {member.backend.address for member in self._pools[pool].snapshot.members.values()}
        kept, refused = [], {}
        for backend in backends:
            ways = {
                host: found for host in backend.hosts if (found := self._way_back(pool, backend, host, entrances, known))
            }
            others = [host for host in backend.hosts if host not in ways]
            if not ways:
                kept.append(backend)
            elif others:
                kept.append(replace(backend, host=others[0], others=tuple(others[1:])))
            else:
                refused[pool, backend.name] = f"{backend.name} leads back here: {next(iter(ways.values()))}"
        self._tell(pool, refused)
        return kept, shortened("; ".join(refused.values()), LONGEST_REASON)

    def _way_back(
        self, pool: str, backend: Backend, host: str, entrances: Entrances, known: set[tuple[str, int]]
    ) -> str | None:
        if (host, backend.port) in known:
            return None
        for hop in entrances.hops(_without_links(Address(host, backend.port))):
            if hops := way_back(pool, hop, lambda name: self._hops(name, entrances)):
                return in_words(pool, hops)
        return None

    def _hops(self, pool: str, entrances: Entrances) -> Iterator[Hop]:
        for member in self._pools[pool].snapshot.members.values():
            yield from entrances.hops(_without_links(Address(*member.backend.address)))

    def _entrances(self) -> Iterator[Entrance]:
        for listener in self._listeners.values():
            for address in listener.addresses:
                for pool in listener.pools:
                    yield Entrance(listener.name, pool, _without_links(address))

    def _tell(self, pool: str, refused: dict[tuple[str, str], str]) -> None:
        for key, reason in refused.items():
            if self._told.get(key) != reason:
                event_log.warning("backend_refused", pool=pool, backend=key[1], reason=reason)
        self._told = {key: reason for key, reason in self._told.items() if key[0] != pool} | refused


def _without_links(address: Address) -> Address:
    """The same address; of a Unix socket with the path that remains when all links on the way are followed."""
    return Address(f"{UNIX}{realpath(path_of(address.host))}", 0) if address.is_unix else address


def is_own(host: str) -> bool:
    """Whether connections to this IP address stay on this host."""
    return is_this_host(host) or source_address(host) == host
