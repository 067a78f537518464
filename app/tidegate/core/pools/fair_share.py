"""How many connections to close after a pool has grown: the excess of each backend over its fair share."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import ceil, inf
from typing import NamedTuple

DIGITS = 6
"""How many decimal places of a share count. Further places are rounding errors of floating point."""


class Load(NamedTuple):
    """An eligible backend: its weight, its current connections, and its limit of connections (0: no limit)."""

    name: str
    weight: int
    active: int
    max_connections: int = 0


class Excess(NamedTuple):
    """A backend has `surplus` connections more than `fair`, its fair share rounded up."""

    name: str
    surplus: int
    fair: int


def fair_shares(loads: Sequence[Load]) -> list[float]:
    """The connections of all backends, shared by weight. Connections beyond a backend's limit go to the others.

    The sum stays the same: for a backend that is already above its limit, its current connections are the limit.
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
    """The connections to close so that each backend comes down to its fair share.

    A backend above it by at most `tolerance` (0.05 is five percent) is left out.
    """
    found = []
    for load, share in zip(loads, fair_shares(loads), strict=True):
        fair = ceil(round(share, DIGITS))
        if load.active > max(fair, share * (1 + tolerance)):
            found.append(Excess(load.name, load.active - fair, fair))
    return found


def split(count: int, held: Sequence[int]) -> list[int]:
    """Split `count` in proportion to `held`, into integers that add up to `count`, each at most its part of `held`.

    They add up to less than `count` only if `held` does.
    """
    total = sum(held)
    if not total:
        return [0] * len(held)
    count = min(count, total)
    ends = [count * end // total for end in accumulate(held)]
    return [end - start for start, end in pairwise((0, *ends))]


def _most(load: Load) -> float:
    return max(load.max_connections, load.active) if load.max_connections else inf
