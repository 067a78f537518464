"""Weighted least connections."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import WEIGHTS, Ask, Backend, backends, filled, letters, usable
from tidegate.core.balance.least_connections import LeastConnections
from tidegate.core.balance.policy import Usable


def least_connections(candidates: list[Backend]) -> LeastConnections[Backend]:
    return filled(LeastConnections[Backend](), candidates)


def pick(policy: LeastConnections[Backend], usable: Usable[Backend] = usable) -> Backend:
    picked = policy.pick("10.0.0.1", usable)
    assert picked is not None
    return picked


def place(policy: LeastConnections[Backend], count: int) -> list[Backend]:
    """Open so many connections; none closes."""
    picked = []
    for _ in range(count):
        backend = pick(policy)
        backend.active += 1
        picked.append(backend)
    return picked


@pytest.mark.parametrize(
    ("loads", "picked"),
    [
        pytest.param([(1, 5), (1, 4), (1, 6)], "b", id="the-fewest"),
        pytest.param([(1, 0), (2, 0)], "b", id="idle-and-heavier-first"),
        pytest.param([(1, 1), (3, 4)], "b", id="five-thirds-are-less-than-two"),
        pytest.param([(1, 1), (3, 6)], "a", id="two-are-less-than-seven-thirds"),
        pytest.param([(10, 9), (1, 1)], "a", id="heavy-with-many"),
    ],
)
def test_the_least_loaded_for_its_weight_is_picked(loads: list[tuple[int, int]], picked: str) -> None:
    candidates = backends(*(weight for weight, _ in loads))
    for backend, (_, active) in zip(candidates, loads, strict=True):
        backend.active = active
    policy = least_connections(candidates)
    for _ in range(5):  # whoever's turn it is
        assert letters([pick(policy)]) == picked


@given(WEIGHTS, st.integers(0, 300))
def test_while_nothing_closes_no_backend_is_a_connection_behind_its_share(weights: list[int], count: int) -> None:
    candidates = backends(*weights)
    place(least_connections(candidates), count)
    for backend in candidates:
        assert backend.active > Fraction(count * backend.weight, sum(weights)) - 1


@given(st.integers(1, 8), st.integers(1, 9), st.integers(0, 300))
def test_while_nothing_closes_equal_backends_are_within_one_connection(count: int, weight: int, connections: int) -> None:
    candidates = backends(*[weight] * count)
    place(least_connections(candidates), connections)
    active = [backend.active for backend in candidates]
    assert max(active) - min(active) <= 1


@given(WEIGHTS, st.lists(st.integers(-3, 20), max_size=60))
def test_no_connection_would_have_been_better_placed_elsewhere(weights: list[int], steps: list[int]) -> None:
    candidates = backends(*weights)
    policy = least_connections(candidates)
    for step in steps:
        if step < 0:  # some connections close
            for backend in candidates[::-step]:
                backend.active = max(0, backend.active - 1)
        else:
            picked = pick(policy)
            picked.active += 1
            assert all(
                Fraction(picked.active, picked.weight) <= Fraction(other.active + 1, other.weight)
                for other in candidates
                if other is not picked
            )


@pytest.mark.parametrize("count", [2, 3, 7])
def test_equal_backends_take_turns_while_connections_close_at_once(count: int) -> None:
    policy = least_connections(backends(*[1] * count))
    counts = Counter(pick(policy).name for _ in range(100 * count))
    assert set(counts.values()) == {100}
    assert len(counts) == count


@pytest.mark.parametrize(
    "busy", [pytest.param("", id="none-busy"), pytest.param("ab", id="first-two-busy"), pytest.param("bdef", id="most-busy")]
)
def test_those_that_tie_take_turns_though_others_are_busy_between_them(busy: str) -> None:
    candidates = backends(*[1] * 6)
    policy = least_connections(candidates)
    for backend in candidates:
        backend.active = int(backend.name[0] in busy)
    idle = 6 - len(busy)
    counts = Counter(pick(policy).name for _ in range(60 * idle))
    assert len(counts) == idle
    assert max(counts.values()) - min(counts.values()) <= 6, counts


def test_a_backend_that_comes_back_empty_is_filled_first() -> None:
    a, b, c = backends(1, 1, 1)
    policy = least_connections([a, b])
    place(policy, 20)
    policy.add(c)
    assert letters(place(policy, 10)) == "c" * 10
    assert Counter(letters(place(policy, 3))) == {"a": 1, "b": 1, "c": 1}


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.data())
def test_the_least_loaded_of_the_usable_take_turns(active: list[int], data: st.DataObject) -> None:
    candidates = backends(*[1] * len(active))
    for backend, connections in zip(candidates, active, strict=True):
        backend.active = connections
    ask = Ask(data.draw(st.sets(st.sampled_from(candidates), min_size=1)))
    fewest = [backend for backend in candidates if ask(backend)]
    fewest = [backend for backend in fewest if backend.active == min(other.active for other in fewest)]
    policy = least_connections(candidates)
    assert {pick(policy, ask) for _ in fewest} == set(fewest)
