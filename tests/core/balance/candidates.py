"""Backends as a policy sees them, with connections that a test can open and close."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(slots=True, eq=False)
class Backend:
    """A candidate; two are equal only when they are the same one, as in a worker."""

    name: str
    weight: int = 1
    active: int = 0
    max_connections: int = 0


def backends(*weights: int) -> list[Backend]:
    """Backends `a:1`, `b:1` and so on, with these weights."""
    return [Backend(f"{chr(ord('a') + number)}:1", weight) for number, weight in enumerate(weights)]


def letters(picked: Sequence[Backend]) -> str:
    """What was picked, one letter each."""
    return "".join(backend.name[0] for backend in picked)


WEIGHTS = st.lists(st.integers(1, 12), min_size=1, max_size=8)
CLIENTS = st.ip_addresses().map(str)
