"""Tiers and limits around a policy: backups are used when no primary backend is usable, and full backends are skipped."""

from collections.abc import Callable, Collection
from typing import Generic

from tidegate.core.balance.policy import C, Policy, Usable


class Balancer(Generic[C]):
    """Picks among the eligible backends of one pool. Each tier has its own instance of the policy."""

    def __init__(self, policy: Callable[[], Policy[C]]) -> None:
        self._primaries, self._backups = policy(), policy()
        self._limited = 0
        self.learns = self._primaries.learns

    def add(self, backend: C) -> None:
        """Add a backend that has become eligible. To change it: remove it, change it, and add it again."""
        self._tier(backend).add(backend)
        self._limited += backend.max_connections > 0

    def remove(self, backend: C) -> None:
        """Remove a backend that is no longer eligible."""
        self._tier(backend).remove(backend)
        self._limited -= backend.max_connections > 0

    def reweigh(self, backend: C, weight: int) -> None:
        """Change the weight of an eligible backend."""
        self._tier(backend).reweigh(backend, weight)

    def pick(self, client: str, tried: Collection[C] = ()) -> C | None:
        """A backend for this client's IP address: not in `tried`, and below its limit. None when there is none."""
        if tried:
            return self._pick_again(client, self._usable(tried))
        usable = self._usable(tried) if self._limited else _any
        picked = self._primaries.pick(client, usable)
        return self._backups.pick(client, usable) if picked is None else picked

    def observe(self, backend: C, seconds: float) -> None:
        """Report the seconds that a dial took to a policy that learns. A failed dial counts as its time limit."""
        self._tier(backend).observe(backend, seconds)

    def _pick_again(self, client: str, usable: Usable[C]) -> C | None:
        picked = self._primaries.retry(client, usable)
        return self._backups.retry(client, usable) if picked is None else picked

    def _tier(self, backend: C) -> Policy[C]:
        return self._backups if backend.backup else self._primaries

    def _usable(self, tried: Collection[C]) -> Usable[C]:
        return lambda backend: backend not in tried and has_room(backend)


def has_room(backend: C) -> bool:
    """Whether one more connection keeps the backend within its limit."""
    return not backend.max_connections or backend.active < backend.max_connections


def _any(backend: C) -> bool:  # noqa: ARG001
    return True
