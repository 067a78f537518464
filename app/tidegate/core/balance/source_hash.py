"""Consistent hashing of the client's address: one client keeps one backend, on every worker and every replica.

Each backend has points on a circle. A client walks from its own place clockwise and accepts each point it meets with a small
chance, which is decided once and for all for the two; the first one accepted wins. When a backend leaves, only its own
clients walk on; when one joins, clients move only to it; the order of such changes does not matter. That 15 of 16 points are
passed by makes a share the average of 16 times as many gaps as on a plain ring (Karger et al., 1997), like the probes of
multi-probe consistent hashing (Appleton and O'Reilly, 2015), and costs one search a pick instead of one per probe.

A heavier backend has no more points, but its points are nearer. Backends whose weight is above 2^(k-1) and up to 2^k have a
circle of their own, on which distances count 2^k times less and the chance of a point is weight / 2^k of the usual one. The
nearest point that is accepted on any circle wins. When a weight changes, clients move only to or from that backend.

Two things can be asked for: that all clients of a network count as one, and that no backend is loaded above a bound. Clients
whose backend is there walk on to the next point that they accept, as if it had left; so which backend they have depends on
the load then, and each pick looks at all counts.
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
"""Points of each backend. Its share has a standard deviation of 1 / sqrt(2 * POINTS * STRIDE) = 3.1 % of itself, so that of
1,000 backends the unluckiest is about 11 % off its weight's share."""

STRIDE = 16
"""Points that a client passes on average until it accepts one."""

COIN = (1 << 32) - 1
"""The low bits of key * position are a client's draw for a point, which accepts it when they are less than its chance."""

ANYWHERE = CIRCLE << 64
"""Farther than any walk goes."""

NEXT_LAP = 0x9E3779B1
"""Odd, so that multiplying a client's key by it gives another odd key."""


class SourceHash(Policy[C]):
    """The circles, by the weight that their distances are divided by.

    `bounded_load` is how far a backend may be above its share by weight, as a factor of at least 1; 0 means without bound.
    """

    def __init__(self, networks: Networks = EACH_ALONE, bounded_load: float = 0.0) -> None:
        self._networks = None if networks == EACH_ALONE else networks
        self._bounded_load = bounded_load
        self._circles: dict[int, Circle[C]] = {}

    def add(self, candidate: C) -> None:
        """Place its points."""
        scale = _scale(candidate)
        if scale not in self._circles:
            self._circles[scale] = Circle(scale)
            # The heaviest first: its distance then bounds the walk on lighter circles.
            self._circles = dict(sorted(self._circles.items(), reverse=True))
        self._circles[scale].add(candidate)

    def remove(self, candidate: C) -> None:
        """Take its points away."""
        scale = _scale(candidate)
        self._circles[scale].remove(candidate)
        if not self._circles[scale].candidates:
            del self._circles[scale]

    def pick(self, client: str, usable: Usable[C]) -> C | None:
        """The candidate with the nearest point that this client accepts."""
        if self._networks:
            client = self._networks.of(client)
        if self._bounded_load:
            everyone = chain.from_iterable(circle.candidates for circle in self._circles.values())
            usable = within_bound(filter(usable, everyone), self._bounded_load)
        digest = blake2b(client.encode(), digest_size=12).digest()
        start, key = int.from_bytes(digest[:8]), int.from_bytes(digest[8:]) | 1
        nearest, picked = ANYWHERE, None
        for circle in self._circles.values():
            found = circle.first(start, key, nearest * circle.scale, usable)
            if found is not None:
                nearest, picked = found[0] // circle.scale, found[1]
        return picked


class Circle(Generic[C]):
    """The candidates whose weight is at most `scale` and more than half of it."""

    def __init__(self, scale: int) -> None:
        self.candidates: dict[C, tuple[int, C]] = {}
        self.scale = scale
        self._ring: Ring[tuple[int, C]] = Ring()

    def add(self, candidate: C) -> None:
        """Place its points."""
        owner = self.candidates[candidate] = (COIN * candidate.weight // (STRIDE * self.scale), candidate)
        for position in _positions(candidate.name):
            self._ring.add(position, owner)

    def remove(self, candidate: C) -> None:
        """Take its points away."""
        owner = self.candidates.pop(candidate)
        for position in _positions(candidate.name):
            self._ring.remove(position, owner)

    def first(self, start: int, key: int, limit: int, usable: Usable[C]) -> tuple[int, C] | None:
        """How far the first usable one is that this key accepts, and which it is, unless it is beyond the limit."""
        refused = 0
        lap = 0
        while lap <= limit:
            for origin, positions, owners in self._ring.clockwise(start, limit - lap):
                for position, (chance, candidate) in zip(positions, owners, strict=True):
                    if key * position & COIN < chance:
                        distance = lap + position - origin
                        if distance > limit:
                            return None
                        if usable(candidate):
                            return distance, candidate
                        refused += 1
                        if refused == MOST_REFUSALS and not any(map(usable, self.candidates)):
                            return None
            lap += CIRCLE
            key = key * NEXT_LAP & COIN
        return None


def _scale(candidate: C) -> int:
    """The least power of two that is not below the weight."""
    return 1 << (candidate.weight - 1).bit_length()


def _positions(name: str) -> tuple[int, ...]:
    """Where a backend's points are, the same everywhere."""
    return unpack(f">{POINTS}Q", shake_256(name.encode()).digest(8 * POINTS))
