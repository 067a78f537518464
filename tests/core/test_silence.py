"""When a worker that gives no sign of life is stuck: tables of looks, each at a time, with the sign that was seen then."""

from collections.abc import Iterable

import pytest

from tidegate.core.silence import STUCK_AFTER, Silence

TICK = 0.5
TICKS = int(STUCK_AFTER / TICK)

Look = tuple[float, int]


def stuck_at(looks: Iterable[Look]) -> float | None:
    """The time of the first look that finds the worker stuck."""
    silence = Silence()
    for now, sign in looks:
        silence = silence.after_look(now, sign)
        if silence.stuck:
            return now
    return None


def ticks(count: int, *, first: float = 0.0, sign: int = 1) -> list[Look]:
    """So many punctual looks that see the same sign."""
    return [(first + TICK * number, sign) for number in range(count)]


def test_a_worker_that_was_silent_for_long_enough_in_two_looks_is_stuck() -> None:
    assert stuck_at(ticks(2 * TICKS)) == STUCK_AFTER + TICK


def test_a_worker_that_speaks_is_never_stuck() -> None:
    assert stuck_at((now, int(now * 2)) for now, _ in ticks(10 * TICKS)) is None


@pytest.mark.parametrize(
    "frozen_for", [1.1, 35.0, 3600.0], ids=["longer than punctual looks allow", "longer than the limit", "an hour"]
)
def test_time_in_which_control_did_not_run_either_does_not_count(frozen_for: float) -> None:
    before = ticks(10)
    after = ticks(TICKS - 8, first=before[-1][0] + frozen_for)
    assert stuck_at([*before, *after]) is None
    assert stuck_at([*before, *ticks(2 * TICKS, first=after[0][0])]) is not None, "but it is stuck if it stays silent"


def test_a_process_that_is_frozen_again_and_again_loses_no_worker() -> None:
    looks = [look for round_ in range(100) for look in ticks(2, first=round_ * 35.0, sign=round_)]
    assert stuck_at(looks) is None


def test_a_freeze_between_the_two_late_looks_asks_for_two_more() -> None:
    first_late = ticks(TICKS + 1)
    thawed = first_late[-1][0] + 35.0
    assert stuck_at([*first_late, (thawed, 1), (thawed + TICK, 1)]) is None
    assert stuck_at([*first_late, (thawed, 1), (thawed + TICK, 1), (thawed + 2 * TICK, 1)]) == thawed + 2 * TICK
    assert stuck_at([*first_late, (thawed, 1), (thawed + TICK, 2), *ticks(5, first=thawed + 2 * TICK, sign=2)]) is None


def test_one_sign_of_life_begins_the_count_anew() -> None:
    assert stuck_at([*ticks(TICKS), *ticks(TICKS, first=TICKS * TICK, sign=2)]) is None
