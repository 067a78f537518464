"""The pace of closing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.pools.closing_pace import JITTER, pace

SESSIONS = st.integers(1, 1_000_000)
WINDOWS = st.just(0.0) | st.floats(0.001, 86400)
RATES = st.just(0.0) | st.floats(0.01, 1e6)
RANDOM = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("sessions", "window", "rate", "expected"),
    [
        pytest.param(10, 11.0, 0, (1.0, 1.0), id="a-second-apart"),
        pytest.param(10, 11.0, 2, (1.0, 1.0), id="slower-than-it-might"),
        pytest.param(10, 11.0, 0.5, (2.0, 1.0), id="the-rate-makes-the-window-longer"),
        pytest.param(100, 0.0, 10, (0.1, 1.0), id="only-a-rate"),
        pytest.param(100, 0.0, 100, (0.05, 5.0), id="several-in-a-round"),
        pytest.param(7, 0.0, 0, (0.05, 7.0), id="all-at-once"),
    ],
)
def test_the_slower_of_window_and_rate_sets_the_pace(
    sessions: int, window: float, rate: float, expected: tuple[float, float]
) -> None:
    steps = pace(sessions, window, rate)
    assert (steps.step, steps.per_round) == pytest.approx(expected)


@given(SESSIONS, WINDOWS, st.floats(0.01, 1e6), RANDOM)
def test_a_rate_is_never_exceeded(sessions: int, window: float, rate: float, random: float) -> None:
    steps = pace(sessions, window, rate)
    assert steps.delay(random) >= steps.step
    assert steps.per_round / steps.step <= rate * (1 + 1e-9)


@given(SESSIONS, st.floats(0.001, 86400), RANDOM)
def test_without_a_rate_all_are_closed_about_at_the_end_of_the_window(sessions: int, window: float, random: float) -> None:
    steps = pace(sessions, window, 0)
    seconds = sessions / steps.per_round * steps.delay(random)
    assert window * (1 - JITTER / 2) < seconds < window * (1 + JITTER / 2)


@given(SESSIONS, WINDOWS, RATES, RANDOM)
def test_the_first_round_comes_within_the_first_step(sessions: int, window: float, rate: float, random: float) -> None:
    steps = pace(sessions, window, rate)
    assert 0 <= steps.first_delay(random) <= steps.step
