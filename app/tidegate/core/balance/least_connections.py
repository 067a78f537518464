"""Weighted least connections, the default policy: the best one where connections live long."""

from collections.abc import Iterable
from math import inf

from tidegate.core.balance.policy import C, Policy, Usable


class LeastConnections(Policy[C]):
    """Picks the candidate that would have the fewest connections per weight. Candidates that tie take turns.

    A pick is linear in the candidates: other workers change the counts at any time, so no sorted order would stay valid.
    """

    def __init__(self) -> None:
        self._candidates: dict[C, None] = {}  # ordered by last pick, the latest at the end

    def add(self, candidate: C) -> None:
        """Add the candidate; it is the last among those that tie."""
        self._candidates[candidate] = None

    def remove(self, candidate: C) -> None:
        """Remove the candidate."""
        del self._candidates[candidate]

    def reweigh(self, candidate: C, weight: int) -> None:
        """Change the weight and keep the candidate's turn."""
        candidate.weight = weight

    def pick(self, client: str, usable: Usable[C]) -> C | None:  # noqa: ARG002
        """The least loaded candidate. Of those that tie, the one picked longest ago."""
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
            # Count the new connection too: an idle backend of weight 2 comes before an idle one of weight 1.
            load = (candidate.active + 1) / candidate.weight
            if load < least:
                least, best = load, candidate
        return best
