"""Weighted least connections, the default policy: the best one where connections live long."""

from collections.abc import Iterable
from math import inf
from typing import Final

from tidegate.core.balance.least import Least
from tidegate.core.balance.load_order import LoadOrder, load_of
from tidegate.core.balance.policy import C, Usable

MANY: Final = 32
"""With more candidates than this, an order by load is kept. Up to it, a look at each costs no more."""

FEW: Final = 16
"""With fewer than this it is given up again."""


class LeastConnections(Least[C]):
    """Picks the candidate that would have the fewest connections per weight. Candidates that tie take turns.

    Of few candidates it is the least by the counts of this moment. Of many, too, where no other process changes the counts;
    otherwise `load_order.py` says how near.
    """

    def __init__(self) -> None:
        super().__init__()
        self._order: LoadOrder[C] | None = None

    def add(self, candidate: C) -> None:
        """Add the candidate; it is the last among those that tie."""
        super().add(candidate)
        if self._order is not None:
            self._order.add(candidate)
        elif len(self._candidates) > MANY:
            self._order = LoadOrder(self._candidates)

    def remove(self, candidate: C) -> None:
        """Remove the candidate."""
        super().remove(candidate)
        if self._order is not None:
            self._order.remove(candidate)
            if len(self._candidates) < FEW:
                self._order.clear()
                self._order = None

    def reweigh(self, candidate: C, weight: int) -> None:
        """Change the weight and keep the candidate's turn."""
        super().reweigh(candidate, weight)
        if self._order is not None:
            self._order.changed(candidate)

    def pick(self, client: str, usable: Usable[C]) -> C | None:
        """The least loaded candidate. Of those that tie, the one picked longest ago."""
        if self._order is None:
            return super().pick(client, usable)
        picked = self._order.pick(usable)
        if picked is not None:
            self._picked(picked)
        return picked

    def _least(self, candidates: Iterable[C]) -> C | None:
        least, best = inf, None
        for candidate in candidates:
            load = load_of(candidate)
            if load < least:
                least, best = load, candidate
        return best
