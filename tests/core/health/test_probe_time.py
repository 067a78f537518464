"""When a probe has had its time, however late the loop is that waits for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.health.probe_time import LOOKS, MOST_LOOKS, Look, ProbeTime


def looks(timeout: float, *late: float) -> tuple[Look, float, ProbeTime]:
    """The verdict, when it came, and the clock, of a loop that is late by so much at each look and then punctual."""
    now, time = 0.0, ProbeTime(timeout, 0.0)
    for lateness in (*late, *[0.0] * MOST_LOOKS):
        now = time.due + lateness
        if (verdict := time.look(now)) is not Look.GO_ON:
            return verdict, now, time
    raise AssertionError("it never ends")


@pytest.mark.parametrize("timeout", [0.05, 1.0, 30.0])
def test_with_a_punctual_loop_a_probe_times_out_after_its_timeout(timeout: float) -> None:
    verdict, at, time = looks(timeout)
    assert verdict is Look.TIMED_OUT
    assert at == pytest.approx(timeout)
    assert not time.excuses(at)


@pytest.mark.parametrize(
    ("late", "verdict", "at"),
    [
        ([0.04] * 9, Look.TIMED_OUT, 1.0),  # a little late is punctual, and does not add up
        ([5.0], Look.TIMED_OUT, 6.0),  # all of the time but the first part is left
        ([0.0] * 9 + [5.0], Look.TIMED_OUT, 6.1),  # there is one more look at what has come meanwhile
        ([0.0] * 9 + [5.0] * 3, Look.TIMED_OUT, 16.3),
        ([0.1] * 10, Look.TIMED_OUT, 2.1),  # late all the time, but for once
        ([0.1] * 30, Look.LATE, 4.0),
        ([60.0] * 30, Look.LATE, 1202.0),
    ],
)
def test_time_in_which_the_loop_stood_still_does_not_count(late: list[float], verdict: Look, at: float) -> None:
    told, when, _ = looks(1.0, *late)
    assert told is verdict
    assert when == pytest.approx(at)


@pytest.mark.parametrize(("late", "excuses"), [([], False), ([0.5], False), ([0.6, 0.6], True), ([1.0], True)])
def test_another_failure_is_excused_when_the_loop_stood_still_for_the_whole_timeout(
    late: list[float],
    excuses: bool,  # noqa: FBT001
) -> None:
    now, time = 0.0, ProbeTime(1.0, 0.0)
    for lateness in late:
        now = time.due + lateness
        time.look(now)
    assert time.excuses(now) == excuses
    assert time.excuses(time.due + 1.0), "that it has not looked for so long counts too"


@given(st.lists(st.floats(0, 100), max_size=40), st.floats(0.01, 60))
def test_no_probe_times_out_before_it_was_looked_at_often_enough_and_none_goes_on_for_ever(
    late: list[float], timeout: float
) -> None:
    now, time = 0.0, ProbeTime(timeout, 0.0)
    count = 0
    for lateness in (*late, *[0.0] * MOST_LOOKS):
        count += 1
        now = time.due + lateness
        verdict = time.look(now)
        if verdict is not Look.GO_ON:
            break
    assert LOOKS <= count <= MOST_LOOKS
    assert now >= timeout * 0.99
