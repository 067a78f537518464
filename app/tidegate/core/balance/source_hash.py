"""Consistent hashing of the client's address: one client keeps one backend, on every worker and every replica.

Each backend has points on a circle. A client's walk goes clockwise from the client's own position and accepts each point
with a small chance, which is fixed for this client and this point; the first accepted point wins. When a backend leaves,
only its own clients walk on; when one joins, clients move only to it; the order of such changes does not matter. Because 15
of 16 points are skipped, a share averages 16 times as many gaps as on a plain ring (Karger et al., 1997). That resembles the
probes of multi-probe consistent hashing (Appleton and O'Reilly, 2015), but costs one search a pick instead of one per probe.

A heavier backend has the same number of points, but they are nearer. Backends with weights above 2^(k-1) and up to 2^k share
a circle, on which distances are divided by 2^k and the chance of a point is weight / 2^k of the usual one. The nearest
accepted point on any circle wins. When a weight changes, clients move only to or from that backend.

Two options exist: all clients of a network count as one, and a bound on the load of each backend. Clients of a backend at
its bound walk on to the next point that they accept, as if the backend had left. With a bound, a client's backend thus
depends on the current load, and each pick reads all counts.
"""

from hashlib import blake2b, shake_256
from itertools import chain
from struct import unpack
from typing import Generic

from tidegate.core.balance.bounded_load import within_bound
from tidegate.core.balance.policy import MOST_REFUSALS, C, Policy, Usable
from tidegate.core.balance.ring import CIRCLE, Ring
from tidegate.core.network import EACH_ALONE, Networks

POINTS = 32
"""Points of each backend. Its share has a standard deviation of 1 / sqrt(2 * POINTS * STRIDE) = 3.1 % of itself: of 1,000
backends, the unluckiest is about 11 % off the share of its weight."""

STRIDE = 16
"""How many points a client passes on average until it accepts one."""

DRAW_MASK = (1 << 32) - 1
"""The low bits of key * position are a client's draw for a point. The point is accepted if the draw is below its chance."""

ANYWHERE = CIRCLE << 64
"""A distance beyond the end of any walk."""

NEXT_LAP = 0x9E3779B1
"""Odd, so that a client's odd key times this is another odd key."""


class SourceHash(Policy[C]):
    """Picks by consistent hashing, on circles keyed by the number that divides their distances.

    `bounded_load` is the factor by which a backend may exceed its share by weight, at least 1; 0 means no bound.
    """

    def __init__(self, networks: Networks = EACH_ALONE, bounded_load: float = 0.0) -> None:
        self._networks = None if networks == EACH_ALONE else networks
        self._bounded_load = bounded_load
        self._circles: dict[int, Circle[C]] = {}

    def add(self, candidate: C) -> None:
        """Add the candidate's points to its circle."""
        scale = _scale(candidate)
        if scale not in self._circles:
            self._circles[scale] = Circle(scale)
            # The heaviest first: the distance found there limits the walk on the lighter circles.
            self._circles = dict(sorted(self._circles.items(), reverse=True))
        self._circles[scale].add(candidate)

    def remove(self, candidate: C) -> None:
        """Remove the candidate's points."""
        scale = _scale(candidate)
        self._circles[scale].remove(candidate)
        if not self._circles[scale].candidates:
            del self._circles[scale]

    def pick(self, client: str, usable: Usable[C]) -> C | None:
        """The usable candidate with the nearest point that this client accepts."""
        if self._networks:
            client = self._networks.of(client)
        if self._bounded_load:
            candidates = chain.from_iterable(circle.candidates for circle in self._circles.values())
            usable = within_bound(filter(usable, candidates), self._bounded_load)
        digest = blake2b(client.encode(), digest_size=12).digest()
        start, key = int.from_bytes(digest[:8]), int.from_bytes(digest[8:]) | 1
        nearest, picked = ANYWHERE, None
        for circle in self._circles.values():
            found = circle.first(start, key, nearest * circle.scale, usable)
            if found is not None:
                nearest, picked = found[0] // circle.scale, found[1]
        return picked


class Circle(Generic[C]):
    """The candidates with weights above `scale / 2` and up to `scale`, a power of two."""

    def __init__(self, scale: int) -> None:
        self.candidates: dict[C, tuple[int, C]] = {}
        self.scale = scale
        self._ring: Ring[tuple[int, C]] = Ring()

    def add(self, candidate: C) -> None:
        """Add the candidate's points."""
        owner = self.candidates[candidate] = (DRAW_MASK * candidate.weight // (STRIDE * self.scale), candidate)
        for position in _positions(candidate.name):
            self._ring.add(position, owner)

    def remove(self, candidate: C) -> None:
        """Remove the candidate's points."""
        owner = self.candidates.pop(candidate)
        for position in _positions(candidate.name):
            self._ring.remove(position, owner)

    def first(self, start: int, key: int, limit: int, usable: Usable[C]) -> tuple[int, C] | None:
        """The first usable candidate that this key accepts: (distance, candidate). None when it is beyond the limit."""
        refused = 0
        lap = 0
        while lap <= limit:
            for origin, positions, owners in self._ring.clockwise(start, limit - lap):
                for position, (chance, candidate) in zip(positions, owners, strict=True):
                    if key * position & DRAW_MASK < chance:
                        distance = lap + position - origin
                        if distance > limit:
                            return None
                        if usable(candidate):
                            return distance, candidate
                        refused += 1
                        if refused == MOST_REFUSALS and not any(map(usable, self.candidates)):
                            return None
            lap += CIRCLE
            key = key * NEXT_LAP & DRAW_MASK
        return None


def _scale(candidate: C) -> int:
    """The lowest power of two that is at least the weight."""
    return 1 << (candidate.weight - 1).bit_length()


def _positions(name: str) -> tuple[int, ...]:
    """The positions of a backend's points: a hash of its name, the same on every worker and replica."""
    return unpack(f">{POINTS}Q", shake_256(name.encode()).digest(8 * POINTS))
