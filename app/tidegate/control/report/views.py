"""Views of pools and backends for reports: the states of all backends at one moment, and the numbers of each backend."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tidegate.control.pools.live_pool import LivePool
from tidegate.control.pools.records import HealthRecord
from tidegate.control.totals import Totals
from tidegate.core.pools.backend import State
from tidegate.core.pools.snapshot import Member
from tidegate.link.board import BACKENDS


class PoolView:
    """A pool at the moment when the view is made. A report made in slices stays consistent, because the states are fixed."""

    def __init__(self, pool: LivePool) -> None:
        self.pool, self.snapshot = pool, pool.snapshot
        self._known = [(member, pool.slots[member.backend.name]) for member in pool.known]

    def count_by_state(self) -> dict[State, int]:
        """The number of known backends in each state, including zeros."""
        counts = Counter(member.state for member, _slot in self._known)
        return {state: counts[state] for state in State}

    def backends(self, totals: Totals) -> Iterator["BackendView"]:
        """The known backends. The numbers of each are read when it is yielded; backends removed by then are skipped."""
        for member, slot in self._known:
            if self.pool.slots.get(member.backend.name) == slot:
                yield BackendView(self.pool, member, totals.of_slot(BACKENDS, slot))


class BackendView:
    """One backend of a pool: its state, and its numbers over all workers, indexed by BackendCell."""

    __slots__ = ("cells", "member", "pool", "record")

    def __init__(self, pool: LivePool, member: Member, cells: Sequence[int]) -> None:
        self.pool, self.member, self.cells = pool, member, cells
        self.record: HealthRecord | None = pool.records.get(member.backend.name)
