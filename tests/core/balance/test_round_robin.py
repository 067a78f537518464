"""Smooth weighted round robin."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import WEIGHTS, Backend, backends, filled, letters, usable
from tidegate.core.balance.round_robin import RoundRobin


def round_robin(candidates: list[Backend]) -> RoundRobin[Backend]:
    return filled(RoundRobin[Backend](), candidates)


def picks(policy: RoundRobin[Backend], count: int, *, full: str = "") -> list[Backend]:
    picked = [policy.pick("10.0.0.1", lambda backend: backend.name[0] not in full) for _ in range(count)]
    return [backend for backend in picked if backend]


@pytest.mark.parametrize(
    ("weights", "turns"),
    [
        pytest.param([1, 1, 1], "abcabc", id="equal-weights-take-turns"),
        pytest.param([5, 1, 1], "abaacaa" * 2, id="the-example-of-nginx-one-turn-earlier"),
        pytest.param([3, 2], "ababa" * 2, id="three-to-two"),
        pytest.param([1, 3], "babb" * 2, id="the-heavier-goes-first"),
        pytest.param([7], "aaa", id="alone"),
        pytest.param([6, 1, 1, 1, 1], "abacaadaea", id="the-light-ones-one-by-one"),
    ],
)
def test_turns_are_spread_evenly(weights: list[int], turns: str) -> None:
    assert letters(picks(round_robin(backends(*weights)), len(turns))) == turns


@given(WEIGHTS, st.integers(1, 3))
def test_every_cycle_of_the_sum_of_weights_gives_each_backend_exactly_its_weight(weights: list[int], cycles: int) -> None:
    candidates = backends(*weights)
    policy = round_robin(candidates)
    for _ in range(cycles):
        counts = Counter(backend.name for backend in picks(policy, sum(weights)))
        assert counts == {backend.name: backend.weight for backend in candidates}


@given(WEIGHTS)
def test_at_no_moment_is_a_backend_a_turn_ahead_of_its_share_or_behind(weights: list[int]) -> None:
    candidates, total = backends(*weights), sum(weights)
    policy = round_robin(candidates)
    counts = Counter[str]()
    for turn, picked in enumerate(picks(policy, total), 1):
        counts[picked.name] += 1
        for backend in candidates:
            assert abs(counts[backend.name] - turn * backend.weight / total) < 1


@given(st.lists(st.integers(1, 65535), min_size=1, max_size=30), st.integers(1, 500))
def test_any_weights_are_kept_to_within_a_turn(weights: list[int], turns: int) -> None:
    candidates = [Backend(f"{number}:1", weight) for number, weight in enumerate(weights)]
    counts = Counter(picks(round_robin(candidates), turns))
    for backend in candidates:
        assert abs(counts[backend] - turns * backend.weight / sum(weights)) < 1.001


@given(st.integers(2, 8), st.data())
def test_equal_backends_never_get_two_turns_in_a_row(count: int, data: st.DataObject) -> None:
    weight = data.draw(st.integers(1, 9))
    turns = letters(picks(round_robin(backends(*[weight] * count)), 5 * count))
    assert all(turn != following for turn, following in pairwise(turns))


@given(WEIGHTS, st.data())
def test_a_backend_that_was_full_has_nothing_to_catch_up(weights: list[int], data: st.DataObject) -> None:
    candidates = backends(1, *weights)
    policy = round_robin(candidates)
    picks(policy, data.draw(st.integers(0, 20)))
    picks(policy, data.draw(st.integers(0, 500)), full="a")
    counts = Counter(backend.name for backend in picks(policy, 2 * (1 + sum(weights))))
    assert 1 <= counts[candidates[0].name] <= 3


def test_a_light_backend_that_served_alone_has_nothing_to_pay_back() -> None:
    policy = round_robin(backends(1, 3))
    assert letters(picks(policy, 1000, full="b")) == "a" * 1000
    assert 9 <= letters(picks(policy, 40)).count("a") <= 11


def test_when_all_are_full_no_backend_loses_a_turn() -> None:
    policy = round_robin(backends(5, 1, 1))
    turns = ""
    for _ in range(14):
        assert picks(policy, 3, full="abc") == []
        turns += letters(picks(policy, 1))
    assert turns == "abaacaa" * 2


def test_a_newcomer_gets_its_share_and_no_burst() -> None:
    a, b, c = backends(1, 1, 1)
    policy = round_robin([a, b])
    picks(policy, 1001)
    policy.add(c)
    turns = letters(picks(policy, 30))
    assert Counter(turns) == {"a": 10, "b": 10, "c": 10}
    assert all(turn != following for turn, following in pairwise(turns))


@given(st.lists(st.integers(0, 7), max_size=60))
def test_shares_hold_while_candidates_come_and_go(changes: list[int]) -> None:
    every = backends(1, 2, 3, 4, 5, 6, 7, 8)
    policy = round_robin(every)
    gone: set[Backend] = set()
    for number in changes:
        backend = every[number]
        (policy.add if backend in gone else policy.remove)(backend)
        gone ^= {backend}
        picks(policy, number)
    for backend in gone:
        policy.add(backend)
    turns = 10 * sum(backend.weight for backend in every)
    counts = Counter(picks(policy, turns))
    for backend in every:
        assert abs(counts[backend] - 10 * backend.weight) <= 2


@given(WEIGHTS, st.data())
def test_weights_that_are_changed_to_what_they_are_change_nothing_but_the_order_of_ties(
    weights: list[int], data: st.DataObject
) -> None:
    candidates, total = backends(*weights), sum(weights)
    policy = round_robin(candidates)
    counts = Counter[Backend]()
    for turn in range(1, 2 * total + 1):
        for backend in data.draw(st.sets(st.sampled_from(candidates))):
            policy.reweigh(backend, backend.weight)
        counts.update(picks(policy, 1))
        for backend in candidates:
            assert abs(counts[backend] - turn * backend.weight / total) < 1.001


@given(st.integers(2, 6), st.integers(1, 40), st.integers(0, 40))
def test_a_weight_that_grows_gives_the_share_that_it_had_at_each_moment(
    others: int, turns_per_step: int, before: int
) -> None:
    growing, *rest = backends(2, *[20] * others)
    policy = round_robin(rest)
    picks(policy, before)
    policy.add(growing)
    turns, share = 0, 0.0
    for weight in range(2, 21):
        policy.reweigh(growing, weight)
        turns += picks(policy, turns_per_step).count(growing)
        share += turns_per_step * weight / (weight + 20 * others)
        assert abs(turns - share) < 2


def test_what_waits_to_be_dropped_is_never_more_than_what_is_there() -> None:
    a, b = backends(1, 1)
    policy = round_robin([a, b])
    for _ in range(1000):
        policy.remove(a)
        policy.add(a)
        policy.reweigh(a, 1)
        assert len(policy._coming) + len(policy._due) <= 4


def test_connections_do_not_matter() -> None:
    busy, idle = backends(1, 1)
    busy.active = 1000
    policy = round_robin([busy, idle])
    assert letters([policy.pick("", usable) or idle for _ in range(4)]) == "abab"
