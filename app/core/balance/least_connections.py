"""Weighted least connections: the best default where connections live long."""

from collections.abc import Sequence
from math import inf

from app.core.balance.policy import C


class LeastConnections:
    """The candidate that would have the fewest connections per weight; those that tie take turns."""

    def __init__(self) -> None:
        self._turn = 0

    def pick(self, candidates: Sequence[C], client: str) -> C:  # noqa: ARG002
        """The next one of the least loaded."""
        if len(candidates) == 1:
            return candidates[0]
        least = inf
        tied: list[C] = []
        for candidate in candidates:
            # The connection to be placed counts too: an idle backend of weight 2 goes before an idle one of weight 1.
            load = (candidate.active + 1) / candidate.weight
            if load < least:
                least, tied = load, [candidate]
            elif load == least:
                tied.append(candidate)
        self._turn += 1
        return tied[self._turn % len(tied)]

    def retain(self, names: frozenset[str]) -> None:
        """Nothing is kept per backend: the counts live with the connections."""
