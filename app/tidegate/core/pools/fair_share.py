"""Which connections are too many after a pool has grown: the excess of each backend over its fair share, and no more."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import ceil, inf
from typing import NamedTuple

DIGITS = 6
"""Decimal places of a share that count: what is beyond them comes from floating point."""


class Load(NamedTuple):
    """An eligible backend: its weight, the connections it has, and the most it may have (0: no limit)."""

    name: str
    weight: int
    active: int
    max_connections: int = 0


class Excess(NamedTuple):
    """A backend has `surplus` connections more than its fair share, which is `fair`, rounded up."""

    name: str
    surplus: int
    fair: int


def fair_shares(loads: Sequence[Load]) -> list[float]:
    """The connections of all backends together, shared by weight; what a backend may not take goes to the others.

    The sum stays the same: a backend that already has more than it may counts as if it might have these.
    """
    shares = [0.0] * len(loads)
    left, weights = float(sum(load.active for load in loads)), sum(load.weight for load in loads)
    for index in sorted(range(len(loads)), key=lambda index: _most(loads[index]) / loads[index].weight):
        load = loads[index]
        shares[index] = min(_most(load), left * load.weight / weights)
        left -= shares[index]
        weights -= load.weight
    return shares


def excesses(loads: Sequence[Load], tolerance: float) -> list[Excess]:
    """What to close so that each backend comes down to its fair share.

    A backend that is above it by no more than `tolerance` (0.05 is five percent) is left alone.
    """
    found = []
    for load, share in zip(loads, fair_shares(loads), strict=True):
        fair = ceil(round(share, DIGITS))
        if load.active > max(fair, share * (1 + tolerance)):
            found.append(Excess(load.name, load.active - fair, fair))
    return found


def split(count: int, held: Sequence[int]) -> list[int]:
    """Share out `count` in proportion to what each has: whole numbers, none above what is held, that add up to `count`.

    They add up to less only where all together hold less.
    """
    total = sum(held)
    if not total:
        return [0] * len(held)
    count = min(count, total)
    ends = [count * end // total for end in accumulate(held)]
    return [end - start for start, end in pairwise((0, *ends))]


def _most(load: Load) -> float:
    return max(load.max_connections, load.active) if load.max_connections else inf
