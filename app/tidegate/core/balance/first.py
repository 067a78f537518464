"""Fill one backend, then the next: as few backends as possible are in use, and the others can be switched off.

Like HAProxy's `balance first`. A backend is full at its `max_connections`; a backend without that limit is never full.
"""

from bisect import bisect_left, insort

from tidegate.core.balance.policy import C, Policy, Usable


class First(Policy[C]):
    """Picks the usable candidate with the lowest `order`, and by name among equals. Weight does not count.

    A pick is linear in the number of full candidates.
    """

    def __init__(self) -> None:
        self._candidates: list[C] = []

    def add(self, candidate: C) -> None:
        """Insert the candidate in order."""
        insort(self._candidates, candidate, key=_order_and_name)

    def remove(self, candidate: C) -> None:
        """Remove the candidate."""
        del self._candidates[bisect_left(self._candidates, _order_and_name(candidate), key=_order_and_name)]

    def pick(self, client: str, usable: Usable[C]) -> C | None:  # noqa: ARG002
        """The first usable candidate."""
        return next(filter(usable, self._candidates), None)


def _order_and_name(candidate: C) -> tuple[int, str]:
    return candidate.order, candidate.name
