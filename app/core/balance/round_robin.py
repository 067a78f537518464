"""Smooth weighted round robin, as nginx does it: heavy backends get more, and no one gets its share in a burst."""

from collections.abc import Sequence

from app.core.balance.policy import C


class RoundRobin:
    """Every pick adds each candidate's weight to its credit, takes the highest, and charges it the sum of all."""

    def __init__(self) -> None:
        self._credit: dict[str, int] = {}

    def pick(self, candidates: Sequence[C], client: str) -> C:  # noqa: ARG002
        """The candidate with the most credit."""
        credit = self._credit
        total = 0
        best = candidates[0]
        for candidate in candidates:
            total += candidate.weight
            credit[candidate.name] = credit.get(candidate.name, 0) + candidate.weight
            if credit[candidate.name] > credit[best.name]:
                best = candidate
        credit[best.name] -= total
        return best

    def retain(self, names: frozenset[str]) -> None:
        """Drop the credit of backends that have left."""
        self._credit = {name: credit for name, credit in self._credit.items() if name in names}
