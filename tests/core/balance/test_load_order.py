"""The order by load, beside its plain definition: exact where no other process changes counts, bounded where others do."""

from collections import deque
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import Ask, Backend, filled, usable
from tidegate.core.balance.least_connections import FEW, MANY, LeastConnections
from tidegate.core.balance.load_order import LOOKS, LoadOrder
from tidegate.core.balance.policy import Usable

STEPS = st.lists(st.tuples(st.sampled_from(["open", "close", "pick", "pick some", "leave", "reweigh"]), st.integers(0, 999)))
ELSEWHERE = st.lists(st.lists(st.tuples(st.integers(0, 99), st.integers(-3, 3)), max_size=8), max_size=20)


def load(backend: Backend) -> Fraction:
    return Fraction(backend.active + 1, backend.weight)


def crowd(loads: list[tuple[int, int]]) -> list[Backend]:
    return [Backend(f"{number}:1", weight, active) for number, (weight, active) in enumerate(loads)]


def policy_of(candidates: list[Backend]) -> LeastConnections[Backend]:
    return filled(LeastConnections[Backend](), candidates)


class Plain:
    """The definition: the least load, and of those that tie the one picked longest ago."""

    def __init__(self, candidates: list[Backend]) -> None:
        self.candidates = list(candidates)

    def pick(self, usable: Usable[Backend]) -> Backend | None:
        picked = min(filter(usable, self.candidates), key=load, default=None)
        if picked is not None:
            self.candidates.remove(picked)
            self.candidates.append(picked)
        return picked


def step(policy: LeastConnections[Backend], plain: Plain, away: deque[Backend], what: str, number: int) -> None:
    """One step of a worker's life, for the policy and for its definition."""
    chosen = plain.candidates[number % len(plain.candidates)]
    match what:
        case "open" | "close":
            chosen.count(1 if what == "open" else -min(1, chosen.active))
        case "leave":
            policy.remove(chosen)
            plain.candidates.remove(chosen)
            away.append(chosen)
            if len(away) > 2 * (MANY - FEW) or not plain.candidates:  # they come back one by one
                policy.add(away[0])
                plain.candidates.append(away.popleft())
        case "reweigh":
            policy.reweigh(chosen, 1 + number % 5)
        case _:
            some = Ask(plain.candidates[number % 7 :: 7]) if what == "pick some" else usable
            expected = plain.pick(some)
            assert policy.pick("10.0.0.1", some) is expected
            if expected is not None:
                expected.count(1)


@given(st.integers(1, MANY + 20), st.integers(0, 3), STEPS)
def test_where_no_other_process_changes_counts_the_choice_is_exact(
    count: int, busy: int, steps: list[tuple[str, int]]
) -> None:
    candidates = crowd([(1 + number % 2, number * busy % 4) for number in range(count)])
    policy, plain, away = policy_of(candidates), Plain(candidates), deque[Backend]()
    for what, number in steps:
        step(policy, plain, away, what, number)


def test_it_is_exact_while_a_pool_shrinks_to_a_few_and_grows_again() -> None:
    candidates = crowd([(1 + number % 3, number % 5) for number in range(MANY + 5)])
    policy, plain, away = policy_of(candidates), Plain(candidates), deque[Backend]()
    for _ in range(2):
        for number in range(MANY + 4):
            for what in ("pick", "leave", "pick"):
                if what != "leave" or len(plain.candidates) > 1:
                    step(policy, plain, away, what, 7 * number)
        while away:
            policy.add(away[0])
            plain.candidates.append(away.popleft())
            step(policy, plain, away, "pick", 0)


@given(st.sampled_from([3, LOOKS, LOOKS + 1, 2 * LOOKS, 5 * LOOKS]), st.integers(1, 4), ELSEWHERE)
def test_a_pick_has_no_more_load_than_any_other_had_at_some_moment_of_the_last_picks(
    count: int, weights: int, elsewhere: list[list[tuple[int, int]]]
) -> None:
    """Others change the counts in between, and do not say so."""
    candidates = crowd([(1 + number % weights, 2 + number % 3) for number in range(count)])
    order = LoadOrder(candidates)
    moments = [[load(backend) for backend in candidates]]
    picks = [0] * -(-len(candidates) // LOOKS)  # which moments they were at
    for changes in elsewhere:
        for number, change in changes:
            backend = candidates[number % len(candidates)]
            backend.active = max(0, backend.active + change)
            moments.append([load(other) for other in candidates])
        picked = order.pick(usable)
        assert picked
        picks = [*picks[1:], len(moments) - 1]
        assert all(load(picked) <= max(seen) for seen in zip(*moments[picks[0] :], strict=True))
        picked.count(1)
        moments.append([load(other) for other in candidates])


@pytest.mark.parametrize("count", [1, LOOKS, LOOKS + 1, 10 * LOOKS])
def test_what_has_closed_elsewhere_is_found_within_a_round_of_looks(count: int) -> None:
    candidates = crowd([(1, 5)] * count)
    order = LoadOrder(candidates)
    for _ in range(3 * count):
        freed = order.pick(usable)  # now the last in turn
        assert freed
        freed.active = 0
        assert freed in [order.pick(usable) for _ in range(-(-count // LOOKS))]
        freed.active = 5


def test_one_that_gets_the_seat_of_another_is_looked_at_no_later() -> None:
    candidates = crowd([(1, 5)] * (3 * LOOKS))
    order = LoadOrder(candidates)
    order.pick(usable)  # has looked at the first third
    candidates[-1].active = 0
    order.remove(candidates[0])  # whose seat the last one gets
    assert order.pick(usable) is candidates[-1]


class Counting(Backend):
    """Counts how often its count is read."""

    reads = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "active":
            Counting.reads += 1
        return super().__getattribute__(name)


def test_a_pick_of_ten_thousand_reads_a_few_counts() -> None:
    candidates: list[Backend] = [Counting(f"{number}:1", active=number % 3) for number in range(10_000)]
    policy = policy_of(candidates)
    for backend in candidates[:1000]:
        backend.count(1)
    Counting.reads = 0
    for _ in range(100):
        picked = policy.pick("10.0.0.1", usable)
        assert picked
        picked.count(1)
    assert Counting.reads < 100 * (LOOKS + 6)


def test_of_thousands_that_are_all_full_none_is_picked_and_each_is_asked_a_few_times_at_most() -> None:
    candidates = crowd([(1, 3)] * 2000)
    policy = policy_of(candidates)
    ask = Ask([])
    assert policy.pick("10.0.0.1", ask) is None
    assert ask.times < 2100
    assert policy.pick("10.0.0.1", Ask([candidates[7]])) is candidates[7]
    assert policy.pick("10.0.0.1", usable) is candidates[0]


def test_candidates_are_followed_only_while_there_are_many() -> None:
    candidates = crowd([(1, 0)] * (MANY + 1))
    policy = policy_of(candidates[:-1])
    assert not any(backend.follower for backend in candidates)
    policy.add(candidates[-1])
    assert all(backend.follower for backend in candidates)
    for backend in candidates[FEW - 1 :]:
        policy.remove(backend)
    assert not any(backend.follower for backend in candidates)
