"""How long sessions may live, and how their ends are spread."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.longest_life import longest_life

NUMBERS = st.integers(1, 2**40)


@given(st.floats(0.001, 2_592_000), st.integers(0, 50), NUMBERS)
def test_no_session_lives_longer_or_loses_more_than_the_jitter(seconds: float, percent: int, number: int) -> None:
    assert seconds * (1 - percent / 100) <= longest_life(seconds, percent, number) <= seconds


@pytest.mark.parametrize("together", [2, 10, 1000])
@given(NUMBERS)
def test_sessions_that_began_together_end_evenly_over_the_jitter(together: int, first: int) -> None:
    ends = sorted(longest_life(3600.0, 10, number) for number in range(first, first + together))
    gaps = [later - earlier for earlier, later in pairwise([3240.0, *ends, 3600.0])]
    assert max(gaps) <= 3 * 360.0 / (together + 1)


def test_without_jitter_all_live_equally_long() -> None:
    assert {longest_life(60.0, 0, number) for number in range(100)} == {60.0}
