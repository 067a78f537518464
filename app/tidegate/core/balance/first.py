"""Fill one backend, then the next: as few backends as possible are in use, and the others are free to be switched off.

As HAProxy's `balance first`. A backend is full at its `max_connections`; one without that limit takes all that comes to it.
"""

from bisect import bisect_left, insort

from tidegate.core.balance.policy import C, Policy, Usable


class First(Policy[C]):
    """The usable candidate that comes first in the order given, by name among equals; weight does not count.

    Linear in those that are full.
    """

    def __init__(self) -> None:
        self._candidates: list[C] = []

    def add(self, candidate: C) -> None:
        """Take it in at its place."""
        insort(self._candidates, candidate, key=_place)

    def remove(self, candidate: C) -> None:
        """Take it out."""
        del self._candidates[bisect_left(self._candidates, _place(candidate), key=_place)]

    def pick(self, client: str, usable: Usable[C]) -> C | None:  # noqa: ARG002
        """The first that is usable."""
        return next(filter(usable, self._candidates), None)


def _place(candidate: C) -> tuple[int, str]:
    return candidate.order, candidate.name
