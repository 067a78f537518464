"""Backends as a policy sees them, with connections that a test can open and close."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from tidegate.core.balance import POLICIES
from tidegate.core.balance.policy import Policy, PolicyContext


@dataclass(slots=True, weakref_slot=True, eq=False)
class Backend:
    """A candidate; two are equal only when they are the same one, as in a worker."""

    name: str
    weight: int = 1
    active: int = 0
    max_connections: int = 0
    backup: bool = False
    order: int = 0
    follower: Callable[[Any], None] | None = None

    def count(self, change: int) -> None:
        """Open or close so many connections, as this worker does."""
        self.active += change
        if self.follower is not None:
            self.follower(self)


def backends(*weights: int) -> list[Backend]:
    """Backends `a:1`, `b:1` and so on, with these weights, in this order."""
    return [Backend(f"{chr(ord('a') + number)}:1", weight, order=number) for number, weight in enumerate(weights)]


P = TypeVar("P", bound=Policy[Backend])


def filled(policy: P, candidates: Iterable[Backend]) -> P:
    """The policy with these candidates."""
    for candidate in candidates:
        policy.add(candidate)
    return policy


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def context() -> PolicyContext:
    """Chance that repeats itself, and time that stands still."""
    return PolicyContext(Random(1).random, Clock())


def registered(name: str, candidates: Iterable[Backend] = ()) -> Policy[Backend]:
    """A fresh instance of a registered policy, whose chance repeats itself, with these candidates."""
    return filled(POLICIES[name](context()), candidates)


def usable(_: Backend) -> bool:
    """What is said about a backend that is neither full nor tried."""
    return True


class Ask:
    """Says which candidates are usable, and counts how often it was asked."""

    def __init__(self, answer: Iterable[Backend] | None = None) -> None:
        self._answer = None if answer is None else frozenset(answer)
        self.times = 0

    def __call__(self, candidate: Backend) -> bool:
        self.times += 1
        return self._answer is None or candidate in self._answer


def letters(picked: Sequence[Backend]) -> str:
    """What was picked, one letter each."""
    return "".join(backend.name[0] for backend in picked)


WEIGHTS = st.lists(st.integers(1, 12), min_size=1, max_size=8)
CLIENTS = st.ip_addresses().map(str)
