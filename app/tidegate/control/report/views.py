"""What reports read of the pools: the states of all backends at one moment, and the numbers of each backend once."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tidegate.control.pools.live_pool import LivePool
from tidegate.control.pools.records import HealthRecord
from tidegate.control.totals import Totals
from tidegate.core.pools.backend import State
from tidegate.core.pools.snapshot import Member
from tidegate.link.board import BACKENDS


class PoolView:
    """A pool as it is when this is made. A report that is made in slices stays of one piece: states are of this moment."""

    def __init__(self, pool: LivePool) -> None:
        self.pool, self.snapshot = pool, pool.snapshot
        self._known = [(member, pool.slots[member.backend.name]) for member in pool.known]

    def count_by_state(self) -> dict[State, int]:
        """The number of known backends in each state, zero where there is none."""
        counts = Counter(member.state for member, _slot in self._known)
        return {state: counts[state] for state in State}

    def backends(self, totals: Totals) -> Iterator["BackendView"]:
        """The known backends, each with its numbers when it is its turn, but for those that are forgotten by then."""
        for member, slot in self._known:
            if self.pool.slots.get(member.backend.name) == slot:
                yield BackendView(self.pool, member, totals.of_slot(BACKENDS, slot))


class BackendView:
    """One backend of a pool: its state, and its numbers over all workers by BackendCell."""

    __slots__ = ("cells", "member", "pool", "record")

    def __init__(self, pool: LivePool, member: Member, cells: Sequence[int]) -> None:
        self.pool, self.member, self.cells = pool, member, cells
        self.record: HealthRecord | None = pool.records.get(member.backend.name)
