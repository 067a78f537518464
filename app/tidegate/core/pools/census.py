"""How many backends of a pool are of each category, kept up to date so that a change of one counts no others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from tidegate.core.pools.backend import State


class Category(NamedTuple):
    """What panic and eligibility depend on in a backend."""

    state: State
    backup: bool
    has_address: bool


@dataclass(frozen=True, slots=True)
class Census:
    """How many backends there are of each category; one without any is left out."""

    counts: Mapping[Category, int] = field(default_factory=lambda: MappingProxyType({}))

    def with_changes(self, before: Iterable[Category], after: Iterable[Category]) -> "Census":
        """The census after backends have changed from the categories `before` to those of `after`, one entry per backend."""
        counts = dict(self.counts)
        for category in after:
            counts[category] = counts.get(category, 0) + 1
        for category in before:
            counts[category] -= 1
        return Census(MappingProxyType({category: count for category, count in counts.items() if count}))
