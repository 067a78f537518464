"""What a balancing policy is given and what it answers."""

from collections.abc import Callable, Hashable
from typing import NamedTuple, Protocol, TypeVar

from tidegate.core.network import EACH_ALONE, Networks


class PolicyContext(NamedTuple):
    """What a policy may need beside its candidates.

    `random` gives numbers uniform in [0, 1); `clock` gives seconds and never goes back. `networks` says which clients count
    as one, and `bounded_load` how far a backend may be above its share by weight, as a factor; 0 means without bound.
    """

    random: Callable[[], float]
    clock: Callable[[], float]
    networks: Networks = EACH_ALONE
    bounded_load: float = 0.0


class Candidate(Hashable, Protocol):
    """A backend that could get the connection, equal to no other. While a policy has it, only `active` may change."""

    weight: int
    """Its share relative to the others, at least 1. While a policy has it, only that policy may change it."""

    @property
    def name(self) -> str:
        """`host:port`, the identity that is the same on every worker and every replica."""

    @property
    def order(self) -> int:
        """Its place among the others as they were given, the lowest first; names decide among equals."""

    @property
    def active(self) -> int:
        """The connections it has now, of all workers."""

    @property
    def max_connections(self) -> int:
        """The most connections it may have; 0 means no limit."""

    @property
    def backup(self) -> bool:
        """Whether it waits until no other can be had."""


C = TypeVar("C", bound=Candidate)
Usable = Callable[[C], bool]

MOST_REFUSALS = 16
"""Candidates that a policy may find not usable in one pick before it looks whether any is, which is linear."""


class Policy(Protocol[C]):
    """One way to choose. It keeps its candidates and what it needs to know about each, and nothing of those that left.

    `learns` says whether it wants to be told about dials.
    """

    learns: bool = False

    def add(self, candidate: C) -> None:
        """Take a candidate in that is not among them."""

    def remove(self, candidate: C) -> None:
        """Forget a candidate that is among them."""

    def reweigh(self, candidate: C, weight: int) -> None:
        """Change the weight of a candidate that is among them."""
        self.remove(candidate)
        candidate.weight = weight
        self.add(candidate)

    def pick(self, client: str, usable: Usable[C]) -> C | None:
        """Choose for a client's IP address one of the candidates that are usable now, or None when none is."""

    def retry(self, client: str, usable: Usable[C]) -> C | None:
        """Choose for a client whose first choice could not be had."""
        return self.pick(client, usable)

    def observe(self, candidate: C, seconds: float) -> None:  # noqa: ARG002
        """A dial has taken so long; one that has failed counts as its time limit. The candidate may have left meanwhile."""
        assert not self.learns, "a policy that learns has a method of its own"
