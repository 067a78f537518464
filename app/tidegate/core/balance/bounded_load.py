"""No backend far above its share: whom the bound on the load lets through.

Source: Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads" (2017); `hash-balance-factor` of HAProxy.
"""

from collections.abc import Iterable

from tidegate.core.balance.policy import C, Usable


def within_bound(candidates: Iterable[C], factor: float) -> Usable[C]:
    """Says which of these one more connection leaves at or below `factor` times their share by weight, rounded up.

    The share is one of the connections of all these candidates, counted with the one to be placed. There is always at least
    one such candidate when there is any and the factor is at least 1. Each count is read once: other workers change them.
    """
    active = {candidate: candidate.active for candidate in candidates}
    connections = sum(active.values()) + 1
    weight = sum(candidate.weight for candidate in active)
    # count + 1 is at most the bound rounded up: exactly when the count is less than the bound.
    return lambda candidate: candidate in active and active[candidate] * weight < factor * connections * candidate.weight
