"""The candidate with the least of something that changes at any time, so that each pick looks at all of them."""

from collections.abc import Iterable

from tidegate.core.balance.policy import C, Policy, Usable


class Least(Policy[C]):
    """What is the least, a policy says in `_least`. Candidates that tie take turns."""

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
        """The usable candidate with the least. Of those that tie, the one picked longest ago."""
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
        """The candidate with the least; the first of those that tie."""
        raise NotImplementedError
