"""The protocol of a balancing policy, and of the candidates that it picks from."""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, Protocol, TypeVar

from tidegate.core.network import EACH_ALONE, Networks


class PolicyContext(NamedTuple):
    """Everything a policy may need in addition to its candidates.

    `random` returns numbers uniform in [0, 1); `clock` is monotonic, in seconds. `networks` says which clients count as one.
    `bounded_load` is the factor by which a backend may exceed its share by weight; 0 means no bound.
    """

    random: Callable[[], float]
    clock: Callable[[], float]
    networks: Networks = EACH_ALONE
    bounded_load: float = 0.0


class Candidate(Hashable, Protocol):
    """A backend that could get the connection; compared by identity. While a policy has it, only `active` may change."""

    follower: Callable[[Any], None] | None
    """Where to say that this process has changed `active`. Set by the policy that has the candidate, None if it need not
    know; what other processes change is told to none."""

    weight: int
    """Its share relative to the others, at least 1. While a policy has it, only that policy may change the weight."""

    @property
    def name(self) -> str:
        """`host:port` or `unix:/path`: its identity, the same on every worker and every replica."""

    @property
    def order(self) -> int:
        """Its rank for the policy `first`: the lowest is used first, names decide among equals."""

    @property
    def active(self) -> int:
        """Its current connections, over all workers."""

    @property
    def max_connections(self) -> int:
        """Its limit of connections; 0 means no limit."""

    @property
    def backup(self) -> bool:
        """Whether it is used only while no primary backend is usable."""


C = TypeVar("C", bound=Candidate)
Usable = Callable[[C], bool]

MOST_REFUSALS = 16
"""After this many unusable candidates in one pick, a policy checks whether any candidate is usable, which is linear."""


class Policy(Protocol[C]):
    """A way to pick a candidate. It keeps its candidates and state about each; `remove` drops that state.

    `learns` says whether it uses `observe`.
    """

    learns: bool = False

    def add(self, candidate: C) -> None:
        """Add a candidate that is not there yet."""

    def remove(self, candidate: C) -> None:
        """Remove a candidate that was added."""

    def reweigh(self, candidate: C, weight: int) -> None:
        """Change the weight of a candidate that was added."""
        self.remove(candidate)
        candidate.weight = weight
        self.add(candidate)

    def pick(self, client: str, usable: Usable[C]) -> C | None:
        """Pick one of the usable candidates for a client's IP address. None when none is usable."""

    def retry(self, client: str, usable: Usable[C]) -> C | None:
        """Pick again for a client, after its first backend could not be used."""
        return self.pick(client, usable)

    def observe(self, candidate: C, seconds: float) -> None:  # noqa: ARG002
        """Learn the seconds that a dial took. A failed dial counts as its time limit. The candidate may be gone by now."""
        assert not self.learns, "a policy that learns has a method of its own"
