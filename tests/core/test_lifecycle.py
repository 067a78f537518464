"""The window in which a drain closes what is left."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.lifecycle import closing_window

GRACES = st.floats(0, 1e7) | st.sampled_from([0.0, 5e-324, 1e-9, 0.001, 0.05, 25.0])
SESSIONS = st.integers(0, 100_000)


@pytest.mark.parametrize(
    ("grace", "start", "end"),
    [
        pytest.param(0.0, 0.0, 0.0, id="no-grace"),
        pytest.param(0.01, 0.008, 0.009, id="tiny"),
        pytest.param(2.0, 1.6, 1.8, id="short"),
        pytest.param(5.0, 4.0, 4.5, id="margin-at-its-longest"),
        pytest.param(25.0, 20.0, 24.5, id="default"),
        pytest.param(3600.0, 2880.0, 3599.5, id="an-hour"),
    ],
)
def test_the_window_is_the_last_fifth_of_the_grace_less_a_margin(grace: float, start: float, end: float) -> None:
    window = closing_window(grace)
    assert [window.start, window.end] == pytest.approx([start, end])


@pytest.mark.parametrize(
    ("elapsed", "due"),
    [(-1.0, 0), (0.0, 0), (20.0, 0), (20.4, 0), (20.5, 1), (22.3, 5), (24.49, 9), (24.5, 10), (25.0, 10), (1e9, 10)],
)
def test_sessions_are_closed_at_an_even_pace(elapsed: float, due: int) -> None:
    assert closing_window(25.0).due(10, elapsed) == due


@given(GRACES)
def test_the_window_lies_within_the_grace(grace: float) -> None:
    window = closing_window(grace)
    assert 0 <= window.start <= window.end <= grace
    assert grace - window.end <= 0.5


@given(GRACES)
def test_the_wait_for_last_bytes_leaves_half_of_the_margin_to_write_the_log_and_exit(grace: float) -> None:
    window = closing_window(grace)
    assert 0 <= window.last_bytes <= min(0.25, (grace - window.end) / 2)


@given(GRACES, SESSIONS)
def test_nothing_is_due_before_the_window_and_everything_at_its_end(grace: float, sessions: int) -> None:
    window = closing_window(grace)
    if window.start < window.end:
        assert window.due(sessions, window.start) == 0
    assert window.due(sessions, window.end) == sessions
    assert window.due(sessions, grace) == sessions


@given(GRACES, SESSIONS, st.lists(st.floats(-0.1, 1.1), max_size=30))
def test_more_and_more_is_due_and_never_more_than_there_is(grace: float, sessions: int, moments: list[float]) -> None:
    window = closing_window(grace)
    due = [window.due(sessions, moment * grace) for moment in sorted(moments)]
    assert all(earlier <= later for earlier, later in pairwise(due))
    assert all(0 <= count <= sessions for count in due)
