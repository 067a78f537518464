"""Pauses between attempts that keep failing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.backoff import Backoff

SECONDS = st.floats(0, 1e6)


def after(*runs: float, backoff: Backoff | None = None) -> Backoff:
    """The backoff after runs of so many seconds."""
    backoff = backoff or Backoff()
    for lasted in runs:
        backoff = backoff.after_run(lasted)
    return backoff


@pytest.mark.parametrize(
    ("runs", "pause"),
    [
        pytest.param([], 0.0, id="before-the-first-failure"),
        pytest.param([0], 0.1, id="first"),
        pytest.param([0, 0], 0.2, id="doubles"),
        pytest.param([0] * 4, 0.8, id="doubles-on"),
        pytest.param([0] * 7, 6.4, id="last-below-the-longest"),
        pytest.param([0] * 8, 10.0, id="longest"),
        pytest.param([0] * 10_000, 10.0, id="no-overflow"),
        pytest.param([0, 0, 0, 29.9], 0.8, id="a-short-run-counts-on"),
        pytest.param([0, 0, 0, 30.0], 0.1, id="a-healthy-run-starts-over"),
        pytest.param([0, 0, 0, 30.0, 0], 0.2, id="and-counts-from-there"),
    ],
)
def test_the_pause_doubles_until_a_run_was_healthy(runs: list[float], pause: float) -> None:
    assert after(*runs).pause == pytest.approx(pause)


def test_the_settings_are_kept() -> None:
    backoff = Backoff(first=1.0, longest=3.0, healthy_after=5.0)
    assert [after(*[0.0] * n, backoff=backoff).pause for n in range(5)] == [0.0, 1.0, 2.0, 3.0, 3.0]
    assert after(0, 0, 5.0, backoff=backoff).pause == 1.0


@given(st.lists(SECONDS, max_size=60), SECONDS, SECONDS, SECONDS)
def test_a_pause_is_never_longer_than_the_longest(runs: list[float], first: float, longest: float, healthy: float) -> None:
    assert 0 <= after(*runs, backoff=Backoff(first, longest, healthy)).pause <= longest


@given(st.lists(st.floats(0, 29), min_size=1, max_size=60))
def test_pauses_never_shrink_while_runs_stay_short(runs: list[float]) -> None:
    pauses = [after(*runs[:count]).pause for count in range(len(runs) + 1)]
    assert pauses == sorted(pauses)


@given(st.lists(SECONDS, max_size=20), st.floats(30, 1e6))
def test_after_a_healthy_run_the_past_is_forgotten(runs: list[float], healthy: float) -> None:
    assert after(*runs, healthy) == after(healthy)
