"""Smooth weighted round robin."""

from collections import Counter
from itertools import pairwise
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.balance.round_robin import RoundRobin
from tests.core.balance.candidates import WEIGHTS, Backend, backends, letters


def picks(policy: RoundRobin, candidates: list[Backend], count: int) -> list[Backend]:
    return [policy.pick(candidates, "10.0.0.1") for _ in range(count)]


@pytest.mark.parametrize(
    ("weights", "turns"),
    [
        pytest.param([1, 1, 1], "abcabc", id="equal-weights-take-turns"),
        pytest.param([5, 1, 1], "aabacaa" * 2, id="the-example-of-nginx"),
        pytest.param([3, 2], "ababa" * 2, id="three-to-two"),
        pytest.param([1, 3], "babb", id="the-heavier-goes-first"),
        pytest.param([7], "aaa", id="alone"),
    ],
)
def test_turns_are_those_of_nginx(weights: list[int], turns: str) -> None:
    assert letters(picks(RoundRobin(), backends(*weights), len(turns))) == turns


@given(WEIGHTS, st.integers(1, 3))
def test_every_cycle_of_the_sum_of_weights_gives_each_backend_exactly_its_weight(weights: list[int], cycles: int) -> None:
    policy, candidates = RoundRobin(), backends(*weights)
    for _ in range(cycles):
        counts = Counter(backend.name for backend in picks(policy, candidates, sum(weights)))
        assert counts == {backend.name: backend.weight for backend in candidates}


@given(WEIGHTS)
def test_at_no_moment_is_a_backend_a_turn_ahead_of_its_share_or_far_behind(weights: list[int]) -> None:
    policy, candidates, total = RoundRobin(), backends(*weights), sum(weights)
    counts = Counter[str]()
    for turn in range(1, total + 1):
        counts[policy.pick(candidates, "").name] += 1
        for backend in candidates:
            share = turn * backend.weight / total
            assert counts[backend.name] - share < 1
            assert share - counts[backend.name] < 1 + log(len(candidates))  # the bound of the greedy cup game


@given(st.integers(2, 8), st.data())
def test_equal_backends_never_get_two_turns_in_a_row(count: int, data: st.DataObject) -> None:
    weight = data.draw(st.integers(1, 9))
    turns = letters(picks(RoundRobin(), backends(*[weight] * count), 5 * count))
    assert all(turn != following for turn, following in pairwise(turns))


@given(WEIGHTS, st.data())
def test_a_backend_that_was_not_a_candidate_has_nothing_to_catch_up(weights: list[int], data: st.DataObject) -> None:
    policy, candidates = RoundRobin(), backends(1, *weights)
    picks(policy, candidates, data.draw(st.integers(0, 20)))
    picks(policy, candidates[1:], data.draw(st.integers(0, 500)))
    counts = Counter(backend.name for backend in picks(policy, candidates, 2 * (1 + sum(weights))))
    assert 1 <= counts[candidates[0].name] <= 3


def test_a_newcomer_gets_its_share_and_no_burst() -> None:
    policy, (a, b, c) = RoundRobin(), backends(1, 1, 1)
    picks(policy, [a, b], 1001)
    assert Counter(letters(picks(policy, [a, b, c], 30))) == {"a": 10, "b": 10, "c": 10}


def test_connections_do_not_matter() -> None:
    busy, idle = backends(1, 1)
    busy.active = 1000
    assert letters(picks(RoundRobin(), [busy, idle], 4)) == "abab"
