"""The bound on a backend's load: at most a factor above its share of the connections.

Source: Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads" (2017); `hash-balance-factor` of HAProxy.
"""

from collections.abc import Iterable

from tidegate.core.balance.policy import C, Usable


def within_bound(candidates: Iterable[C], factor: float) -> Usable[C]:
    """A test for candidates: after one more connection, is its count at most `factor` times its share, rounded up?

    A share is by weight, of the connections of all `candidates`, including the new one. With a factor of at least 1, at
    least one candidate passes. Each count is read once, because other workers change the counts at any time.
    """
    active = {candidate: candidate.active for candidate in candidates}
    connections = sum(active.values()) + 1
    weight = sum(candidate.weight for candidate in active)
    # count + 1 <= ceil(bound) is the same as count < bound.
    return lambda candidate: candidate in active and active[candidate] * weight < factor * connections * candidate.weight
