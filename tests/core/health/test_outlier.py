"""Passive health as a machine: which failures count as in a row, and how long an ejection lasts."""

from dataclasses import FrozenInstanceError, dataclass, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.health.backend_state import state_of
from tidegate.core.health.outlier import ENOUGH_CLIENTS, Ejection, Failures, Outlier, most_ejected
from tidegate.core.pools.backend import State
from tidegate.core.reasons import ConnectFailure

FIRST, LONGEST = 30.0, 300.0
REFUSED, RESET = Failures(dials=1, reason="refused"), Failures(dials=1, resets=1, reason="reset")
EARLY = Failures(early_ends=1)
KINDS = st.one_of(
    st.sampled_from(ConnectFailure).map(Failures.of_dial),
    st.builds(
        Failures.of_early_end, st.integers(0, 2), st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1"])
    ),
)


def failing(outlier: Outlier, *failures: Failures, good: int = 0) -> Outlier:
    for each in failures:
        outlier = outlier.after_failures(each, good)
    return outlier


@pytest.mark.parametrize(
    ("failures", "words"),
    [
        ([REFUSED] * 5, "5 dials in a row failed: refused"),
        ([REFUSED], "1 dial in a row failed: refused"),
        ([REFUSED, RESET, EARLY], "3 failures in a row: 2 dials (reset), 1 session ended at once without a byte"),
        ([EARLY] * 5, "5 sessions in a row ended at once without a byte"),
        ([EARLY], "1 session in a row ended at once without a byte"),
        ([EARLY, Failures.of_early_end(7, "10.0.0.1")], "1 session in a row ended at once without a byte"),
        (
            [REFUSED, *(Failures.of_early_end(7, f"10.0.0.{client}") for client in range(4))],
            "5 failures in a row: 1 dial (refused), 4 sessions ended at once without a byte",
        ),
    ],
)
def test_failures_are_said_in_words_with_the_last_reason(failures: list[Failures], words: str) -> None:
    assert str(failing(Outlier(), *failures).failures) == words


@pytest.mark.parametrize(
    ("failures", "proves_nothing"),
    [(REFUSED, False), (RESET, True), (EARLY, True), (Failures.of_early_end(1, "10.0.0.1"), False)],
)
def test_a_connect_proves_nothing_about_a_backend_that_accepts_and_then_ends(
    failures: Failures,
    proves_nothing: bool,  # noqa: FBT001
) -> None:
    assert (REFUSED + failures + REFUSED).after_accepting is proves_nothing


def disputed(*clients: str) -> Failures:
    """Sessions of these clients that ended early after something had been sent."""
    return sum((Failures.of_early_end(1, client) for client in clients), Failures())


@given(st.lists(KINDS, max_size=30))
def test_failures_add_up_and_of_the_clients_a_few_are_kept(failures: list[Failures]) -> None:
    total = sum(failures, Failures())
    for field in ("dials", "resets", "early_ends", "disputed"):
        assert getattr(total, field) == sum(getattr(each, field) for each in failures)
    clients = {client for each in failures for client in each.clients}
    assert len(total.clients) == min(len(clients), ENOUGH_CLIENTS)
    assert total.clients <= clients
    assert total.count == total.dials + total.early_ends + total.disputed * (len(clients) >= ENOUGH_CLIENTS)
    assert total.reason == next((each.reason for each in reversed(failures) if each.reason), "")
    assert bool(total) is bool(failures)


@pytest.mark.parametrize(
    ("failures", "count"),
    [
        pytest.param([disputed("10.0.0.1")] * 100, 0, id="one-client"),
        pytest.param([disputed("10.0.0.1", "10.0.0.2")] * 50, 0, id="two-clients"),
        pytest.param([disputed("10.0.0.1")] * 98 + [disputed("10.0.0.2", "10.0.0.3")], 100, id="three-clients"),
        pytest.param([disputed("2001:db8::1", "2001:db8::2", "2001:db8::3")], 0, id="one-host-with-three-ipv6-addresses"),
        pytest.param([disputed("2001:db8::1", "2001:db8:0:1::1", "10.0.0.1")], 3, id="three-networks"),
        pytest.param([disputed("10.0.0.1"), EARLY, REFUSED], 2, id="what-no-client-can-have-caused-counts"),
        pytest.param([Failures.of_early_end(0, "10.0.0.1")] * 5, 5, id="nothing-was-sent"),
    ],
)
def test_an_early_end_after_something_was_sent_counts_once_three_clients_have_met_with_one(
    failures: list[Failures], count: int
) -> None:
    assert failing(Outlier(), *failures).failures.count == count


def test_an_answer_to_a_probe_takes_what_clients_may_have_caused_out_of_the_row_and_nothing_else() -> None:
    outlier = failing(Outlier(), REFUSED, EARLY, disputed("10.0.0.1", "10.0.0.2", "10.0.0.3")).after_answer()
    assert outlier.failures.count == 2
    assert failing(outlier, disputed("10.0.0.1", "10.0.0.2")).failures.count == 2, "also which clients those were"
    assert failing(outlier, disputed("10.0.0.1", "10.0.0.2", "10.0.0.3")).failures.count == 5


@given(st.lists(st.booleans(), max_size=60))
def test_failures_in_a_row_are_those_since_the_last_good_session(sessions: list[bool]) -> None:
    outlier, good, in_a_row = Outlier(), 0, 0
    for went_well in sessions:
        if went_well:
            good, in_a_row = good + 1, 0
            continue
        outlier, in_a_row = outlier.after_failures(EARLY, good), in_a_row + 1
        assert outlier.failures.count == in_a_row


def test_a_good_session_between_two_reports_breaks_the_row() -> None:
    outlier = failing(Outlier(), Failures(dials=4, reason="refused"), good=7)
    assert failing(outlier, REFUSED, good=7).failures.count == 5
    assert failing(outlier, REFUSED, good=8).failures.count == 1


@dataclass
class Life:
    """What happens to a backend: it is ejected, and again some time after the end of each ejection."""

    outlier: Outlier
    now: float = 0.0

    def eject(self, after: float) -> float:
        self.now += after
        self.outlier = failing(self.outlier, EARLY).ejected(self.now, FIRST, LONGEST)
        assert self.outlier.ejection
        return self.outlier.ejection.seconds

    def restore(self, after: float) -> None:
        self.now += after
        self.outlier = self.outlier.restored(self.now)


def test_an_ejection_is_twice_as_long_as_the_one_before_up_to_the_longest_until_the_backend_has_been_good_for_that() -> None:
    life = Life(Outlier())
    lengths = []
    for pause in (0.0, 1.0, 299.0, 1.0, 1.0, 1.0, 300.0, 1.0):
        lengths.append(life.eject(pause))
        life.restore(lengths[-1])
    assert lengths == [30, 60, 120, 240, 300, 300, 30, 60]


@given(st.lists(st.tuples(st.floats(0, 2 * LONGEST), st.floats(0, 1)), max_size=80))
def test_an_ejection_lasts_from_the_first_time_to_the_longest_and_doubles_only_in_a_row(
    lives: list[tuple[float, float]],
) -> None:
    life = Life(Outlier())
    previous = None
    for pause, share in lives:
        seconds = life.eject(pause)
        assert FIRST <= seconds <= LONGEST
        assert seconds in {FIRST, previous and min(LONGEST, previous * 2)}
        life.restore(seconds * share)
        assert life.outlier.ejection is None
        assert life.outlier.failures == Failures()
        previous = seconds


def test_failures_during_an_ejection_and_before_its_end_do_not_count_after_it() -> None:
    ejected = failing(Outlier(), *[EARLY] * 5).ejected(0.0, FIRST, LONGEST)
    assert failing(ejected, *[EARLY] * 9) == ejected
    assert failing(ejected.restored(30.0), EARLY).failures.count == 1


def test_only_probes_that_pass_in_a_row_are_counted_and_only_while_it_is_ejected() -> None:
    outlier = failing(Outlier(), EARLY)
    assert outlier.after_probe(passed=True) == outlier
    outlier = outlier.ejected(0.0, FIRST, LONGEST)
    counts = []
    for passed in (True, False, True, True):
        outlier = outlier.after_probe(passed=passed)
        assert outlier.ejection
        counts.append(outlier.ejection.passes)
    assert counts == [1, 0, 1, 2]


@given(st.integers(0, 20_000), st.integers(0, 100))
def test_never_more_than_the_percentage_may_be_ejected(backends: int, percent: int) -> None:
    most = most_ejected(backends, percent)
    assert 0 <= most * 100 <= backends * percent < (most + 1) * 100


@pytest.mark.parametrize(
    ("verdict", "free", "ejected"),
    [
        (State.UP, State.UP, State.EJECTED),
        (State.DOWN, State.DOWN, State.DOWN),
        (State.CHECKING, State.CHECKING, State.CHECKING),
    ],
)
def test_only_a_backend_that_its_probes_call_up_can_be_ejected(verdict: Any, free: State, ejected: State) -> None:
    outlier = failing(Outlier(), EARLY)
    assert state_of(verdict, outlier) is free
    assert state_of(verdict, outlier.ejected(0.0, FIRST, LONGEST)) is ejected


@pytest.mark.parametrize("value", [EARLY, Ejection(0.0, 1.0, EARLY), Outlier()], ids=lambda value: type(value).__name__)
def test_what_is_known_of_failures_is_an_immutable_value(value: Any) -> None:
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)


def test_a_failed_dial_is_one_failure_and_only_a_reset_one_says_that_the_backend_had_accepted() -> None:
    assert Failures.of_dial(ConnectFailure.REFUSED) == Failures(dials=1, reason="refused")
    assert Failures.of_dial(ConnectFailure.RESET) == Failures(dials=1, resets=1, reason="reset")


def test_an_early_end_is_one_failure_and_disputed_once_something_had_been_sent() -> None:
    assert Failures.of_early_end(0, "10.1.0.1") == Failures(early_ends=1)
    assert Failures.of_early_end(1, "10.1.0.1") == Failures(disputed=1, clients=frozenset({"10.1.0.1"}))
