"""Panic: when routing ignores the health of a pool's backends, because none is up, or so few that the checks look wrong."""

from dataclasses import dataclass
from typing import NamedTuple

from tidegate.core.pools.backend import State
from tidegate.core.pools.census import Census
from tidegate.core.pools.snapshot import IGNORABLE


@dataclass(frozen=True, slots=True)
class PanicRule:
    """When to panic. `try_all`: when no backend is up. `threshold`: when fewer than that percentage are up; 0 means never.

    As in Envoy, the percentage applies to each tier, and one tier that reaches it is enough: while enough backups are up,
    the checks of the primaries count.
    """

    try_all: bool
    threshold: int

    def holds(self, census: Census) -> bool:
        """Whether to ignore health. Backends that are still being checked, or were taken out on purpose, do not count."""
        if not self.try_all and not self.threshold:
            return False
        primaries, backups = _tier(census, backup=False), _tier(census, backup=True)
        if primaries.counted + backups.counted == 0:
            return False
        if self.try_all and primaries.usable + backups.usable == 0:
            return True
        return self._is_below(primaries) and self._is_below(backups)

    def _is_below(self, tier: "_Tier") -> bool:
        """Whether a tier has too few backends up. An empty tier always has."""
        return not tier.counted or tier.usable * 100 < self.threshold * tier.counted


class _Tier(NamedTuple):
    """How many backends of a tier count for panic, and how many of them are up and have an address."""

    counted: int
    usable: int


def _tier(census: Census, *, backup: bool) -> _Tier:
    categories = [(category, count) for category, count in census.counts.items() if category.backup is backup]
    counted = sum(count for category, count in categories if category.state is State.UP or category.state in IGNORABLE)
    usable = sum(count for category, count in categories if category.state is State.UP and category.has_address)
    return _Tier(counted, usable)
