"""Weighted least connections: the best default where connections live long."""

from collections.abc import Sequence

from app.core.balance.policy import C, Candidate


class LeastConnections:
    """The candidate that would have the fewest connections per weight; those that tie take turns."""

    def __init__(self) -> None:
        self._turn = 0

    def pick(self, candidates: Sequence[C], client: str) -> C:  # noqa: ARG002
        """The next one of the least loaded."""
        loads = [_load(candidate) for candidate in candidates]
        least = min(loads)
        tied = [candidate for candidate, load in zip(candidates, loads, strict=True) if load == least]
        self._turn += 1
        return tied[self._turn % len(tied)]

    def retain(self, names: frozenset[str]) -> None:
        """Nothing is kept per backend: the counts live with the connections."""


def _load(candidate: Candidate) -> float:
    # The connection to be placed counts too: an idle backend of weight 2 goes before an idle one of weight 1.
    return (candidate.active + 1) / candidate.weight
