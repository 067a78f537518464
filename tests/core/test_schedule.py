"""When probes are due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.schedule import first_delay, next_delay, second_delay

RANDOM = st.floats(0, 1, exclude_max=True)
INTERVALS = st.floats(0.05, 86_400)
BACKENDS = st.integers(1, 20_000)


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
    assert second_delay(4.0, random) == pytest.approx(delay)


@given(INTERVALS, RANDOM)
def test_the_second_probe_neither_comes_at_once_nor_after_an_interval(interval: float, random: float) -> None:
    assert 0 < second_delay(interval, random) <= interval


@pytest.mark.parametrize(("random", "delay"), [(0.0, 9.0), (0.5, 9.5), (0.999, 9.999)])
def test_a_step_is_jittered_over_the_last_tenth_of_the_interval(random: float, delay: float) -> None:
    assert next_delay(10.0, random) == pytest.approx(delay)


@given(INTERVALS, st.lists(RANDOM, min_size=1, max_size=20))
def test_probes_in_a_row_never_take_longer_than_as_many_intervals(interval: float, randoms: list[float]) -> None:
    steps = [next_delay(interval, random) for random in randoms]
    assert all(0.9 * interval <= step * (1 + 1e-12) for step in steps)
    assert sum(steps) <= len(steps) * interval * (1 + 1e-12)
