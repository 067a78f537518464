"""The rise/fall machine."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.health.rise_fall import Health
from tidegate.core.pools.backend import State

THRESHOLDS = st.integers(1, 6)
RESULTS = st.lists(st.booleans(), max_size=60) | st.lists(
    st.tuples(st.booleans(), st.integers(1, 8)), max_size=12
).map(lambda streaks: [passed for passed, length in streaks for _ in range(length)])  # fmt: skip
LETTERS = {State.UP: "U", State.DOWN: "D", State.CHECKING: "C"}


def histories(results: list[bool], rise: int, fall: int, start: Health | None = None) -> list[Health]:
    """The health before the first result and after each."""
    first = start or Health()
    return list(accumulate(results, lambda health, passed: health.after(passed=passed, rise=rise, fall=fall), initial=first))


def streak(results: list[bool]) -> int:
    """How many results at the end are equal."""
    return next((n for n, passed in enumerate(reversed(results)) if passed is not results[-1]), len(results))


@pytest.mark.parametrize(
    ("rise", "fall", "results", "verdicts"),
    [
        pytest.param(2, 5, "", "", id="not-probed"),
        pytest.param(2, 5, "+", "U", id="the-first-success-decides-alone"),
        pytest.param(2, 5, "-", "D", id="the-first-failure-decides-alone"),
        pytest.param(2, 5, "-+", "DD", id="one-success-is-not-rise"),
        pytest.param(2, 5, "-++", "DDU", id="rise"),
        pytest.param(2, 5, "+-----", "UUUUUD", id="fall"),
        pytest.param(2, 5, "+----+-----", "UUUUUUUUUUD", id="a-success-starts-fall-again"),
        pytest.param(3, 2, "-++-+++", "DDDDDDU", id="a-failure-starts-rise-again"),
        pytest.param(2, 3, "+-+-+-+-+-", "UUUUUUUUUU", id="alternating-while-up"),
        pytest.param(2, 3, "-+-+-+-+-+", "DDDDDDDDDD", id="alternating-while-down"),
        pytest.param(1, 1, "+-+-", "UDUD", id="one-is-enough"),
        pytest.param(3, 3, "+++---+++", "UUUUUDDDU", id="there-and-back"),
        pytest.param(3, 1, "--++++", "DDDDUU", id="the-successes-before-do-not-matter"),
    ],
)
def test_verdicts_follow_rise_and_fall(rise: int, fall: int, results: str, verdicts: str) -> None:
    history = histories([result == "+" for result in results], rise, fall)
    assert "".join(LETTERS[health.verdict] for health in history[1:]) == verdicts


@given(RESULTS, THRESHOLDS, THRESHOLDS)
def test_a_state_change_needs_exactly_rise_or_fall_equal_results_in_a_row(results: list[bool], rise: int, fall: int) -> None:
    history = histories(results, rise, fall)
    assert history[0].verdict is State.CHECKING
    for count, (before, health) in enumerate(pairwise(history), 1):
        passed = results[count - 1]
        if count == 1:
            assert health.verdict is (State.UP if passed else State.DOWN)
        elif health.verdict is not before.verdict:
            assert streak(results[:count]) == (rise if passed else fall)
            assert health.verdict is (State.UP if passed else State.DOWN)
        elif streak(results[:count]) >= (rise if passed else fall):
            assert health.verdict is (State.UP if passed else State.DOWN)


@given(st.booleans(), st.integers(0, 60), st.integers(2, 6), st.integers(2, 6))
def test_alternating_results_never_change_the_state(first: bool, count: int, rise: int, fall: int) -> None:  # noqa: FBT001
    history = histories([first ^ bool(n % 2) for n in range(count + 1)], rise, fall)
    assert {health.verdict for health in history[1:]} == {State.UP if first else State.DOWN}


@given(RESULTS, THRESHOLDS, THRESHOLDS)
def test_a_trusted_backend_stays_up_until_fall_failures_in_a_row(results: list[bool], rise: int, fall: int) -> None:
    history = histories(results, rise, fall, Health(State.UP))
    failures = [streak(results[:count]) if count and not results[count - 1] else 0 for count in range(len(results) + 1)]
    fell = next((count for count, equal in enumerate(failures) if equal >= fall), len(results) + 1)
    assert [health.verdict for health in history[:fell]] == [State.UP] * fell
    if fell <= len(results):
        assert history[fell].verdict is State.DOWN


@given(RESULTS, THRESHOLDS, THRESHOLDS)
def test_undecided_means_that_the_last_result_contradicts_the_state(results: list[bool], rise: int, fall: int) -> None:
    history = histories(results, rise, fall)
    assert history[0].undecided, "not probed yet"
    for passed, health in zip(results, history[1:], strict=True):
        assert health.undecided == (passed is not (health.verdict is State.UP))


@given(RESULTS, THRESHOLDS, THRESHOLDS)
def test_a_result_of_one_kind_resets_the_count_of_the_other(results: list[bool], rise: int, fall: int) -> None:
    health = histories(results, rise, fall)[-1]
    equal = streak(results) if results else 0
    assert (health.successes, health.failures) == ((equal, 0) if results and results[-1] else (0, equal))


@pytest.mark.parametrize(
    ("results", "changed_to", "verdict"),
    [
        pytest.param("-++++", 2, State.UP, id="lowered-below-the-count"),
        pytest.param("-", 3, State.DOWN, id="lowered-but-not-yet-reached"),
    ],
)
def test_a_changed_threshold_counts_from_the_next_result_on(results: str, changed_to: int, verdict: State) -> None:
    health = histories([result == "+" for result in results], rise=10, fall=10)[-1]
    assert health.verdict is State.DOWN
    assert health.after(passed=True, rise=changed_to, fall=10).verdict is verdict
