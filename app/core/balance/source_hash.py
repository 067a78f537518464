"""Weighted rendezvous hashing of the client's address: one client keeps one backend, on every worker and every replica.

Each backend draws a number from the client's address, and the best draw wins. When a backend leaves, only its own clients
draw again; when one joins, it takes its share of clients from all others and no other client moves. Unlike a ring or a
table this needs no rebuild, is exact for any weights, and has no state that replicas could disagree about.
Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); weights by the logarithm method.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import log

from app.core.balance.policy import C

PRIME = 2**61 - 1


class SourceHash:
    """Keeps two multipliers per backend name, so that a draw is one multiplication and not one hash."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[int, int]] = {}

    def pick(self, candidates: Sequence[C], client: str) -> C:
        """The candidate with the best draw for this client."""
        if len(candidates) == 1:
            return candidates[0]
        key = _number(client.encode())
        return min(candidates, key=lambda candidate: self._draw(key, candidate.name) / candidate.weight)

    def retain(self, names: frozenset[str]) -> None:
        """Drop the multipliers of backends that have left."""
        self._lines = {name: line for name, line in self._lines.items() if name in names}

    def _draw(self, key: int, name: str) -> float:
        """An exponentially distributed number: the minimum over backends falls on each in proportion to its weight."""
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = (_number(b"slope " + name.encode()), _number(b"offset " + name.encode()))
        return -log(((key * line[0] + line[1]) % PRIME + 1) / (PRIME + 1))


def _number(text: bytes) -> int:
    """A number from 1 to PRIME - 1 that is the same for this text everywhere."""
    return int.from_bytes(blake2b(text, digest_size=8).digest()) % (PRIME - 1) + 1
