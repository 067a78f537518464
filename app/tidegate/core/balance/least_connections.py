"""Weighted least connections: the best default where connections live long."""

from collections.abc import Iterable
from math import inf

from tidegate.core.balance.policy import C, Policy, Usable


class LeastConnections(Policy[C]):
    """The candidate that would have the fewest connections per weight; those that tie take turns.

    Linear in the candidates: other workers change the counts at any time, so no order of them could be kept.
    """

    def __init__(self) -> None:
        self._candidates: dict[C, None] = {}  # the one that was picked last comes last

    def add(self, candidate: C) -> None:
        """Compare it too from now on."""
        self._candidates[candidate] = None

    def remove(self, candidate: C) -> None:
        """Compare it no more."""
        del self._candidates[candidate]

    def reweigh(self, candidate: C, weight: int) -> None:
        """Compare it by another weight; whose turn it is stays."""
        candidate.weight = weight

    def pick(self, client: str, usable: Usable[C]) -> C | None:  # noqa: ARG002
        """The least loaded, of those that tie the one that has waited longest."""
        picked = self._least(self._candidates)
        if picked is not None and not usable(picked):
            picked = self._least([candidate for candidate in self._candidates if usable(candidate)])
        if picked is not None:
            self._picked(picked)
        return picked

    def _picked(self, candidate: C) -> None:
        del self._candidates[candidate]
        self._candidates[candidate] = None

    def _least(self, candidates: Iterable[C]) -> C | None:
        least, best = inf, None
        for candidate in candidates:
            # The connection to be placed counts too: an idle backend of weight 2 goes before an idle one of weight 1.
            load = (candidate.active + 1) / candidate.weight
            if load < least:
                least, best = load, candidate
        return best
