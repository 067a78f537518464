"""What a balancing policy is given and what it answers."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Candidate(Protocol):
    """A backend that could get the connection."""

    @property
    def name(self) -> str:
        """`host:port`, the identity that is the same on every worker and every replica."""

    @property
    def weight(self) -> int:
        """Its share relative to the others, at least 1."""

    @property
    def active(self) -> int:
        """The connections it has now, of all workers."""

    @property
    def max_connections(self) -> int:
        """The most connections it may have; 0 means no limit."""


C = TypeVar("C", bound=Candidate)


class Policy(Protocol):
    """One way to choose. It may keep state between picks, bounded by the number of backends."""

    def pick(self, candidates: Sequence[C], client: str) -> C:
        """Choose one of the candidates (at least one) for a client's IP address."""

    def retain(self, names: frozenset[str]) -> None:
        """Forget what is kept about backends that are not among these."""
