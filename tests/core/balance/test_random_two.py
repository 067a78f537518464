"""The power of two choices."""

from collections import Counter
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import WEIGHTS, Backend, backends, filled, usable
from tidegate.core.balance.random_two import RandomTwo

TURNS = 20_000


def random_two(candidates: list[Backend]) -> RandomTwo[Backend]:
    return filled(RandomTwo[Backend](Random(7).random), candidates)


def within_chance(count: int, probability: float) -> bool:
    """Whether a count out of TURNS is within five standard deviations, which chance exceeds once in two million."""
    return abs(count - TURNS * probability) <= 5 * sqrt(TURNS * probability * (1 - probability))


@given(WEIGHTS, st.data())
def test_the_most_loaded_is_never_picked_while_another_one_is_usable(weights: list[int], data: st.DataObject) -> None:
    candidates = backends(*weights)
    for backend in candidates:
        backend.active = data.draw(st.integers(0, 50)) * backend.weight
    busiest = data.draw(st.sampled_from(candidates))
    busiest.active = 100 * busiest.weight
    policy = random_two(candidates)
    allowed = data.draw(st.sets(st.sampled_from(candidates), min_size=1))
    for _ in range(10):
        picked = policy.pick("", allowed.__contains__)
        assert picked in allowed
        assert picked is not busiest or allowed == {busiest}


def test_the_less_loaded_of_two_is_picked_for_its_weight() -> None:
    light, heavy = backends(1, 10)
    light.active, heavy.active = 2, 28
    policy = random_two([light, heavy])
    assert {policy.pick("", usable) for _ in range(20)} == {heavy}
    heavy.active = 30
    assert {policy.pick("", usable) for _ in range(20)} == {light}


def test_both_are_drawn_in_proportion_to_weight_without_putting_back() -> None:
    a, b, c = candidates = backends(1, 2, 5)
    a.active = 10**6  # picked only if nobody else had been drawn, and there is always another one
    b.active = 10**3  # picked if a was drawn with it
    policy = random_two(candidates)
    counts = Counter(policy.pick("", usable) for _ in range(TURNS))
    assert counts[a] == 0
    assert within_chance(counts[b], 1 / 8 * 2 / 7 + 2 / 8 * 1 / 6)
    assert counts[b] + counts[c] == TURNS


@given(st.lists(st.integers(0, 7), max_size=40))
def test_draws_stay_in_proportion_while_candidates_come_and_go(changes: list[int]) -> None:
    every = backends(1, 2, 3, 4, 5, 6, 7, 8)
    candidates = list(every)
    policy = random_two(candidates)
    for number in changes:
        backend = every[number]
        if backend in candidates:
            policy.remove(backend)
            candidates.remove(backend)
        else:
            policy.add(backend)
            candidates.append(backend)
    assert set(policy._candidates) == set(candidates)
    drawn = [policy._candidates[policy._weights.find(point)] for point in range(sum(each.weight for each in candidates))]
    assert Counter(drawn) == {backend: backend.weight for backend in candidates}


@pytest.mark.parametrize("unusable", [0, 1, 30, 58])
def test_usable_ones_are_drawn_in_proportion_to_weight_however_many_are_not(unusable: int) -> None:
    candidates = [Backend(f"{number}:1", 5) for number in range(unusable)]
    light, heavy = Backend("light:1", 1, active=1), Backend("heavy:1", 3, active=3)
    third = Backend("third:1", 1, active=10**6)
    policy = random_two([*candidates, light, heavy, third])
    counts = Counter(policy.pick("", (light, heavy, third).__contains__) for _ in range(TURNS))
    heavier_lost = 1 / 5 * 1 / 4 + 1 / 5 * 1 / 4  # light and third were drawn: in any other pair heavy is less loaded
    assert counts[third] == 0
    assert within_chance(counts[light], heavier_lost)
    assert counts[light] + counts[heavy] == TURNS


def test_load_stays_nearly_even_while_nothing_closes() -> None:
    candidates = [Backend(f"{number}:1", 1 + number % 4) for number in range(100)]
    policy = random_two(candidates)
    total = sum(backend.weight for backend in candidates)
    for _ in range(100 * total):
        picked = policy.pick("", usable)
        assert picked
        picked.active += 1
    assert all(95 < backend.active / backend.weight < 105 for backend in candidates)
