"""When probes are due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.health.rise_fall import Health
from tidegate.core.health.schedule import ProbePace, first_delay, jittered_delay, next_due, spread_delay
from tidegate.core.pools.backend import State

RANDOM = st.floats(0, 1, exclude_max=True)
INTERVALS = st.floats(0.05, 86_400)
BACKENDS = st.integers(1, 20_000)
TIMES = st.floats(0, 1e6)
PACE = ProbePace(interval=3.0, fast_interval=0.5, down_interval=10.0)


@pytest.mark.parametrize(
    ("interval", "backends", "random", "delay"),
    [
        pytest.param(3.0, 1, 0.0, 0.0, id="at-once"),
        pytest.param(3.0, 1, 0.5, 0.005, id="a-single-backend-waits-hardly"),
        pytest.param(3.0, 100, 0.5, 0.5, id="a-hundredth-second-each"),
        pytest.param(3.0, 300, 0.5, 1.5, id="as-much-as-an-interval"),
        pytest.param(3.0, 10_000, 0.5, 1.5, id="never-more-than-an-interval"),
    ],
)
def test_first_probes_are_spread_over_a_short_time(interval: float, backends: int, random: float, delay: float) -> None:
    assert first_delay(interval, backends, random) == pytest.approx(delay)


@given(INTERVALS, BACKENDS, RANDOM)
def test_the_first_probe_is_within_an_interval_and_sooner_in_a_small_pool(
    interval: float, backends: int, random: float
) -> None:
    assert 0 <= first_delay(interval, backends, random) <= min(interval, 0.01 * backends)


@pytest.mark.parametrize(("random", "delay"), [(0.0, 4.0), (0.25, 3.0), (0.75, 1.0)])
def test_the_second_probe_falls_on_any_moment_of_the_interval(random: float, delay: float) -> None:
    assert spread_delay(4.0, random) == pytest.approx(delay)


@given(INTERVALS, RANDOM)
def test_the_second_probe_neither_comes_at_once_nor_after_an_interval(interval: float, random: float) -> None:
    assert 0 < spread_delay(interval, random) <= interval


@pytest.mark.parametrize(("random", "delay"), [(0.0, 9.0), (0.5, 9.5), (0.999, 9.999)])
def test_a_step_is_jittered_over_the_last_tenth_of_the_interval(random: float, delay: float) -> None:
    assert jittered_delay(10.0, random) == pytest.approx(delay)


@given(INTERVALS, st.lists(RANDOM, min_size=1, max_size=20))
def test_probes_in_a_row_never_take_longer_than_as_many_intervals(interval: float, randoms: list[float]) -> None:
    steps = [jittered_delay(interval, random) for random in randoms]
    assert all(0.9 * interval <= step * (1 + 1e-12) for step in steps)
    assert sum(steps) <= len(steps) * interval * (1 + 1e-12)


@pytest.mark.parametrize(
    ("health", "step"),
    [
        pytest.param(Health(State.CHECKING), 0.5, id="not-probed-yet"),
        pytest.param(Health(State.UP), 3.0, id="trusted-before-its-first-probe"),
        pytest.param(Health(State.UP, successes=1), 3.0, id="up"),
        pytest.param(Health(State.UP, failures=1), 0.5, id="up-and-failing"),
        pytest.param(Health(State.DOWN, failures=9), 10.0, id="down"),
        pytest.param(Health(State.DOWN, successes=1), 0.5, id="down-and-passing"),
    ],
)
def test_the_pace_is_fast_while_undecided_and_another_one_while_down(health: Health, step: float) -> None:
    assert PACE.step(health) == step


@given(TIMES, INTERVALS, RANDOM, st.floats(0, 0.9, exclude_max=True))
def test_a_probe_that_was_held_up_does_not_shift_the_next(due: float, step: float, random: float, held_up: float) -> None:
    started = due + held_up * step
    assert next_due(due, started, step, random) == next_due(due, due, step, random) == due + jittered_delay(step, random)


@given(st.lists(st.tuples(TIMES, RANDOM), min_size=2, max_size=50), INTERVALS)
def test_probes_that_were_all_held_up_by_a_standstill_do_not_go_on_together(
    turns: list[tuple[float, float]], interval: float
) -> None:
    woken = max(due for due, _ in turns) + interval + 1
    again = [next_due(due, woken, interval, random) for due, random in turns]
    assert again == [woken + spread_delay(interval, random) for _, random in turns]


@given(TIMES, TIMES, INTERVALS, RANDOM)
def test_the_next_probe_is_never_before_this_one_and_at_most_a_step_after_it(
    due: float, late: float, step: float, random: float
) -> None:
    started = due + late
    assert started <= next_due(due, started, step, random) <= started + step
