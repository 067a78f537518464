"""What follows the end of a watch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.backoff import Backoff
from tidegate.core.discovery.watching import MOST_ALONE, Course, End, Next

FRESH = Course(Backoff(first=1.0, longest=8.0, healthy_after=10.0))
AT_ONCE, AT_ONCE_LIST = Next(lists=False, pause=None), Next(lists=True, pause=None)


def watch(pause: float) -> Next:
    return Next(lists=False, pause=pause)


def relist(pause: float) -> Next:
    return Next(lists=True, pause=pause)


def course_of(*ends: End, lasted: float = 0.1) -> tuple[Course, Next]:
    """The course after these ends, and what is to be done then."""
    course, then = FRESH, AT_ONCE
    for end in ends:
        course, then = course.after(end, lasted)
    return course, then


@pytest.mark.parametrize(
    ("ends", "then"),
    [
        pytest.param([End.AS_ASKED], AT_ONCE, id="a-watch-that-ends-as-asked-goes-on"),
        pytest.param([End.SILENT], AT_ONCE, id="a-deaf-watch-is-opened-again-at-once"),
        pytest.param([End.CUT], watch(1.0), id="a-watch-that-is-cut-goes-on-after-a-pause"),
        pytest.param([End.AT_ONCE], watch(1.0), id="a-watch-that-ends-at-once-goes-on-after-a-pause"),
        pytest.param([End.REFUSED], watch(1.0), id="refused-retries-the-watch-alone"),
        pytest.param([End.BUSY], watch(1.0), id="429-and-5xx-retry-the-watch-alone"),
        pytest.param([End.OTHER], relist(1.0), id="anything-else-lists-again"),
        pytest.param([End.EXPIRED], AT_ONCE_LIST, id="too-old-lists-again-at-once"),
        pytest.param([End.EXPIRED, End.EXPIRED], relist(2.0), id="too-old-twice-in-a-row-pauses"),
        pytest.param(
            [End.EXPIRED, End.AS_ASKED, End.EXPIRED], AT_ONCE_LIST, id="too-old-after-a-good-watch-is-the-first-time"
        ),
        pytest.param([End.REFUSED, End.EXPIRED], AT_ONCE_LIST, id="too-old-after-an-outage-is-the-first-time"),
        pytest.param(
            [End.EXPIRED, End.REFUSED, End.EXPIRED], AT_ONCE_LIST, id="too-old-after-other-trouble-is-the-first-time-again"
        ),
        pytest.param([End.OTHER, End.OTHER, End.OTHER], relist(4.0), id="pauses-grow"),
        pytest.param([End.BUSY, End.REFUSED, End.CUT], watch(4.0), id="pauses-grow-whatever-the-reason"),
        pytest.param([End.BUSY] * (MOST_ALONE - 1), watch(8.0), id="a-busy-server-is-asked-for-the-watch-alone"),
        pytest.param([End.BUSY] * MOST_ALONE, relist(8.0), id="but-not-for-ever"),
        pytest.param([End.REFUSED] * MOST_ALONE, watch(8.0), id="where-nothing-listens-a-list-would-not-help"),
    ],
)
def test_what_follows_an_end(ends: list[End], then: Next) -> None:
    assert course_of(*ends)[1] == then


@pytest.mark.parametrize("end", [End.AS_ASKED, End.SILENT])
def test_a_good_watch_that_was_long_enough_makes_the_pauses_short_again(end: End) -> None:
    tired, _ = course_of(*[End.CUT] * 5)
    assert tired.after(end, 9.9)[0].after(End.CUT, 0.1)[1] == watch(8.0)
    assert tired.after(end, 10.0)[0].after(End.CUT, 0.1)[1] == watch(1.0)


@given(st.lists(st.tuples(st.sampled_from(End), st.floats(0, 1000))))
def test_whatever_happens_only_a_good_end_and_a_first_expiry_are_followed_at_once(ends: list[tuple[End, float]]) -> None:
    course = FRESH
    for end, lasted in ends:
        course, then = course.after(end, lasted)
        if then.pause is None:
            assert end in {End.AS_ASKED, End.SILENT, End.EXPIRED}
        else:
            assert 0 < then.pause <= 8.0
