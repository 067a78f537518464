"""How many backends of a pool are of each kind, so that a change of one backend costs no look at all the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from tidegate.core.pools.backend import Backend, State


class Kind(NamedTuple):
    """What rules about a whole pool want to know of a backend."""

    state: State
    backup: bool
    has_address: bool

    @staticmethod
    def of(backend: Backend, state: State) -> "Kind":
        """The kind of a backend in this state."""
        return Kind(state, backend.backup, bool(backend.host))


@dataclass(frozen=True, slots=True)
class Census:
    """The number of backends of each kind that there is."""

    counts: Mapping[Kind, int] = field(default_factory=lambda: MappingProxyType({}))

    def with_changes(self, before: Iterable[Kind], after: Iterable[Kind]) -> "Census":
        """The census once so many backends have left the kinds of `before` and joined those of `after`."""
        counts = dict(self.counts)
        for kind in after:
            counts[kind] = counts.get(kind, 0) + 1
        for kind in before:
            counts[kind] -= 1
        return Census(MappingProxyType({kind: count for kind, count in counts.items() if count}))

    def in_state(self, state: State) -> int:
        """The number of backends in that state."""
        return sum(count for kind, count in self.counts.items() if kind.state is state)
