"""Panic: when routing ignores the health of a pool's backends, because none is up, or so few that the checks look wrong."""

from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.core.pools.backend import State
from tidegate.core.pools.snapshot import IGNORABLE, Member


@dataclass(frozen=True, slots=True)
class PanicRule:
    """When to panic. `try_all`: when no backend is up. `threshold`: when fewer than that percentage are up; 0 means never.

    As in Envoy, the percentage applies to each tier, and one tier that reaches it is enough: while enough backups are up,
    the checks of the primaries count.
    """

    try_all: bool = False
    threshold: int = 0

    def holds(self, members: Iterable[Member]) -> bool:
        """Whether to ignore health. Backends that are still being checked, or were taken out on purpose, do not count."""
        if not self.try_all and not self.threshold:
            return False
        counted = [member for member in members if member.state is State.UP or member.state in IGNORABLE]
        if not counted:
            return False
        if self.try_all and not any(_is_usable(member) for member in counted):
            return True
        return all(self._is_below(counted, backup=backup) for backup in (False, True))

    def _is_below(self, counted: list[Member], *, backup: bool) -> bool:
        """Whether a tier has too few backends up. An empty tier always has."""
        tier = [member for member in counted if member.backend.backup is backup]
        up = sum(_is_usable(member) for member in tier)
        return not tier or up * 100 < self.threshold * len(tier)


def _is_usable(member: Member) -> bool:
    return member.state is State.UP and bool(member.backend.host)
