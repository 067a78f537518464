"""Peak EWMA of the time to connect."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import WEIGHTS, Backend, Clock, backends, filled, usable
from tidegate.core.balance.least_latency import FADING, LEAST, TRIAL, LeastLatency
from tidegate.core.balance.policy import Usable


class Bench:
    """The policy, its clock, and how long each backend takes to connect."""

    def __init__(self, candidates: list[Backend]) -> None:
        self.clock = Clock()
        self.candidates = candidates
        self.policy = filled(LeastLatency[Backend](self.clock), candidates)
        self.seconds = dict.fromkeys(candidates, LEAST)

    def pick(self, usable: Usable[Backend] = usable) -> Backend:
        picked = self.policy.pick("10.0.0.1", usable)
        assert picked is not None
        return picked

    def place(self, count: int, *, every: float = 0.0) -> Counter[str]:
        """Open so many connections, each after a pause; none closes. Each dial ends before the next begins."""
        counts = Counter[str]()
        for _ in range(count):
            self.clock.now += every
            picked = self.pick()
            picked.active += 1
            self.policy.observe(picked, self.seconds[picked])
            counts[picked.name[0]] += 1
        return counts


@given(WEIGHTS, st.integers(0, 300), st.sampled_from([LEAST / 10, LEAST, 0.02, 3.0]))
def test_equally_fast_backends_fall_less_than_two_connections_behind_the_share_of_their_weight_once_all_were_tried(
    weights: list[int], count: int, seconds: float
) -> None:
    bench = Bench(backends(*weights))
    bench.seconds = dict.fromkeys(bench.candidates, seconds)
    placed = sum(weights) + len(weights) + count
    bench.place(placed)
    for backend in bench.candidates:
        assert backend.active > Fraction(placed * backend.weight, sum(weights)) - 2


@given(WEIGHTS, st.lists(st.sampled_from([0.0, 0.001, 1.0, 5.0]), min_size=8, max_size=8), st.integers(1, 100))
def test_every_backend_is_tried_once_before_the_slowness_of_others_counts(
    weights: list[int], times: list[float], count: int
) -> None:
    bench = Bench(backends(*weights))
    bench.seconds = dict(zip(bench.candidates, times, strict=False))
    bench.place(sum(weights) + len(weights) + count)
    assert all(backend.active for backend in bench.candidates)


def test_backends_that_are_twice_as_fast_get_twice_as_many_connections() -> None:
    bench = Bench(backends(1, 1, 2))
    bench.seconds = dict(zip(bench.candidates, [0.02, 0.01, 0.02], strict=True))
    counts = bench.place(500)
    assert counts["a"] == pytest.approx(100, abs=3)
    assert counts["b"] == pytest.approx(200, abs=3)
    assert counts["c"] == pytest.approx(200, abs=3)


def test_a_longer_time_counts_at_once_and_a_shorter_one_little_by_little() -> None:
    a, b = candidates = backends(1, 1)
    bench = Bench(candidates)
    bench.place(2)
    bench.policy.observe(a, 0.1)
    assert {bench.pick() for _ in range(5)} == {b}
    for _ in range(20):  # a second of good answers from both
        bench.clock.now += 0.05
        bench.policy.observe(a, LEAST)
        bench.policy.observe(b, LEAST)
    assert {bench.pick() for _ in range(5)} == {b}, "it has been fast for a tenth of the time constant only"
    for _ in range(2000):
        bench.clock.now += 0.05
        bench.policy.observe(a, LEAST)
        bench.policy.observe(b, LEAST)
    b.active += 1
    assert bench.pick() is a


def test_what_was_slow_is_tried_again_when_the_memory_of_it_has_faded() -> None:
    slow, fast = candidates = backends(1, 1)
    bench = Bench(candidates)
    bench.seconds[slow] = LEAST * 20
    bench.place(2)
    fast.active = 1
    slow.active = 0
    bench.clock.now += 2 * FADING
    assert bench.pick() is fast, "20 / e^2 is still more than the two that the other one would have"
    bench.clock.now += FADING
    assert bench.pick() is slow


@given(st.lists(st.floats(0, 10), min_size=1, max_size=5), st.integers(1, 5))
def test_without_news_the_connections_decide(times: list[float], busy: int) -> None:
    """Idle pools must not go by whose last news is the oldest."""
    bench = Bench(backends(*[1] * (1 + len(times))))
    for candidate, seconds in zip(bench.candidates, [1.0, *times], strict=True):
        bench.policy.observe(candidate, seconds)
        candidate.active = busy
        bench.clock.now += 1
    bench.clock.now += 20 * FADING
    idle = bench.candidates[0]
    idle.active = 0
    assert bench.pick() is idle


def test_a_backend_that_has_never_been_dialled_is_tried_by_one_connection_and_not_by_all() -> None:
    known, new = backends(1, 1)
    bench = Bench([known])
    bench.seconds[known] = 0.05
    bench.place(10)
    bench.policy.add(new)
    burst = []
    for _ in range(10):  # nobody has an answer yet
        burst.append(bench.pick())
        burst[-1].active += 1
    assert Counter(burst) == {new: 1, known: 9}
    bench.policy.observe(new, 0.05)
    assert {bench.pick() for _ in range(5)} == {new}, "it has answered, and has fewer connections"


def test_a_trial_that_was_never_answered_is_repeated() -> None:
    known, new = backends(1, 1)
    bench = Bench([known])
    bench.seconds[known] = 0.05
    bench.place(10)
    bench.policy.add(new)
    assert bench.pick() is new
    assert bench.pick() is known
    bench.clock.now += TRIAL
    assert bench.pick() is new


def test_a_burst_over_new_backends_is_spread_by_weight() -> None:
    bench = Bench(backends(1, 1, 2))
    counts = Counter[str]()
    for _ in range(40):
        picked = bench.pick()
        picked.active += 1
        counts[picked.name[0]] += 1
    assert counts == {"a": 10, "b": 10, "c": 20}


def test_a_backend_that_comes_back_has_no_past() -> None:
    a, b = candidates = backends(1, 1)
    bench = Bench(candidates)
    bench.seconds[a] = 5.0
    bench.place(3)
    assert bench.pick() is b
    bench.policy.remove(a)
    bench.policy.observe(a, 5.0)  # a dial that had begun before
    bench.policy.add(a)
    assert bench.pick() is a


@pytest.mark.parametrize("seconds", [0.0, LEAST / 5, LEAST])
def test_differences_below_what_schedulers_make_do_not_count(seconds: float) -> None:
    a, b = candidates = backends(1, 1)
    bench = Bench(candidates)
    bench.seconds = {a: seconds, b: LEAST}
    bench.place(101)
    assert abs(a.active - b.active) <= 1
