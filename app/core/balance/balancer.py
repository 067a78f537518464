"""Tiers and limits around a policy: backups wait until no other backend can be had, full backends are passed over."""

from collections.abc import Collection, Iterable, Sequence
from typing import Generic

from app.core.balance.policy import C, Policy


class Balancer(Generic[C]):
    """Chooses among the eligible backends of one pool. The policy sees one tier at a time."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._tiers: tuple[Sequence[C], ...] = ()
        self._limited = False

    def update(self, primaries: Sequence[C], backups: Sequence[C], names: Iterable[str]) -> None:
        """Take over the eligible backends by tier; `names` are all backends of the pool, eligible or not."""
        self._tiers = tuple(tier for tier in (primaries, backups) if tier)
        self._limited = any(backend.max_connections for tier in self._tiers for backend in tier)
        self.policy.retain(frozenset(names))

    def pick(self, client: str, tried: Collection[C] = ()) -> C | None:
        """A backend for this client that has not been tried and has room, or None."""
        for tier in self._tiers:
            candidates = tier
            if self._limited or tried:
                candidates = [backend for backend in tier if backend not in tried and has_room(backend)]
            if candidates:
                return self.policy.pick(candidates, client)
        return None


def has_room(backend: C) -> bool:
    """Whether one more connection keeps the backend within its limit."""
    return not backend.max_connections or backend.active < backend.max_connections
