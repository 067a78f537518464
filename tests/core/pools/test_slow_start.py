"""The share of a backend that has just come up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.pools.slow_start import SCALE, parts

SECONDS = st.floats(0.001, 3600)


@pytest.mark.parametrize(
    ("warm_for", "share"), [(-1.0, 0.1), (0.0, 0.1), (10.0, 0.4), (15.0, 0.55), (29.9, 0.95), (30.0, 1.0), (1e9, 1.0)]
)
def test_the_share_grows_from_a_tenth_to_all(warm_for: float, share: float) -> None:
    assert parts(warm_for, 30.0) / SCALE == share


@given(SECONDS, st.floats(0, 2), st.floats(0, 2))
def test_the_share_never_shrinks_and_is_never_more_than_a_step_off_the_line(duration: float, one: float, two: float) -> None:
    earlier, later = sorted((one, two))
    assert parts(earlier * duration, duration) <= parts(later * duration, duration)
    line = SCALE * min(1.0, 0.1 + 0.9 * one)
    assert line - 1.001 <= parts(one * duration, duration) <= line + 0.001


def test_without_slow_start_every_backend_has_its_full_weight() -> None:
    assert parts(0.0, 0.0) == SCALE
