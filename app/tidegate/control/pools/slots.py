"""The slots on the stats board that a pool's backends have, and what workers have counted there.

A backend that has left the pool keeps its slot until its last connection has closed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from time import monotonic

from tidegate.control import clock
from tidegate.control.totals import Totals
from tidegate.core.health.traffic import Traffic
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import Member
from tidegate.core.reasons import ConnectFailure
from tidegate.link.board import BACKENDS, FAILURE_CELL, BackendCell


class BackendSlots(Mapping[str, int]):
    """The slot of each backend by name.

    `leaving` are the backends that have left and still have connections, and `left_at` says since when, in seconds of the
    monotonic clock. `left_out` is how many backends discovery has found for which there is no slot.
    """

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self._slots: dict[str, int] = {}
        self.leaving: dict[str, Member] = {}
        self.left_at: dict[str, float] = {}
        self.left_out = 0

    def __getitem__(self, name: str) -> int:
        return self._slots[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def that_fit(self, backends: list[Backend]) -> list[Backend]:
        """The backends that have a slot or can get one: a list that is too long costs newcomers, not control."""
        newcomers = [backend.name for backend in backends if backend.name not in self._slots]
        surplus = set(newcomers[self._totals.room(BACKENDS) :])
        self.left_out = len(surplus)
        return [backend for backend in backends if backend.name not in surplus]

    def joined(self, name: str) -> None:
        """Give a backend a slot; one that is back before its last connection has closed keeps its own."""
        self.leaving.pop(name, None)
        self.left_at.pop(name, None)
        if name not in self._slots:
            self._slots[name] = self._totals.allocate(BACKENDS)

    def left(self, member: Member) -> None:
        """Keep the slot of a backend that has left until `release`."""
        name = member.backend.name
        self.leaving[name] = replace(member, state=State.DRAINING, since=clock.now())
        self.left_at[name] = monotonic()

    def release(self) -> list[str]:
        """Give back the slots of backends that have left and whose last connection has closed; answers their names."""
        released = [name for name in self.leaving if not self.active(name)]
        for name in released:
            del self.leaving[name], self.left_at[name]
            self._totals.free(BACKENDS, self._slots.pop(name))
        return released

    def active(self, name: str) -> int:
        """The connections of a backend, those being dialled included."""
        return self._total(name, BackendCell.ACTIVE)

    def good(self, name: str) -> int:
        """How many sessions at a backend went well."""
        return self._total(name, BackendCell.GOOD)

    def good_at(self, worker: int, name: str) -> int:
        """How many of them this worker has counted since it started."""
        return self._totals.board.cells[self._totals.board.base(worker) + BACKENDS.cell(self[name], BackendCell.GOOD)]

    def traffic(self, name: str) -> Traffic:
        """What the connections to a backend have come to."""
        return Traffic(
            self._total(name, BackendCell.TOTAL),
            self._total(name, BackendCell.RECEIVED_BYTES),
            sum(self._total(name, FAILURE_CELL[failure]) for failure in ConnectFailure),
        )

    def _total(self, name: str, cell: int) -> int:
        return self._totals.total(BACKENDS, self._slots[name], cell)
