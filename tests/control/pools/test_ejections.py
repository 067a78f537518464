"""Ejections and panic: when real traffic takes a backend out, what brings it back, and when health is ignored."""

from collections.abc import Iterator
from os import close
from typing import Any

import pytest

from tests.support.reports import samples_of, status_of
from tests.support.waiting import until
from tidegate.control.log import ControlLog
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.process import Process
from tidegate.control.report.status.readiness import not_ready_reasons
from tidegate.control.totals import Totals
from tidegate.control.workers import orders
from tidegate.control.workers.processes import Workers
from tidegate.core.lifecycle import ProcessState
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import Change, PanicChanged, StateChanged
from tidegate.link.board import BACKENDS, BackendCell, Board
from tidegate.link.log_stream import LogStream
from tidegate.link.messages import BackendFailed, BackendsChanged
from tidegate.settings.parts.pool import PoolSettings

HTTP = {"type": "http", "rise": 2, "fall": 3}


class Bench:
    """A pool of backends that are all up, the workers that report to it, and what routing is told."""

    def __init__(self, board: Board, count: int = 4, **settings: Any) -> None:
        self.board, self.totals = board, Totals(board)
        self.announced: list[Change | PanicChanged] = []
        self.eligible: dict[str, bool] = {}
        self.backends = [Backend(f"10.0.0.{number}:80", f"10.0.0.{number}", 80) for number in range(1, count + 1)]
        names = ",".join(backend.name for backend in self.backends)
        parsed = PoolSettings.model_validate({"backends": names, "health": HTTP, **settings})
        self.pool = LivePool("chat", parsed, "static", self.totals, self._changed)
        workers = Workers(2, self.totals, lambda _: None, lambda *_: None, {})
        self.process = Process(self.totals, {"chat": self.pool}, {}, workers, ControlLog(LogStream(1)), ProcessState.RUNNING)
        self.pool.discovered(self.backends)
        for backend in self.backends:
            self.pool.probed(backend.name, None, 0.001)

    def _changed(self, pool: LivePool, changes: tuple[Change | PanicChanged, ...]) -> None:
        self.announced += changes
        self.apply(orders.backends_changed(pool, changes))

    def apply(self, message: BackendsChanged) -> None:
        """Take a message over as a worker does."""
        for name in message.removed:
            del self.eligible[name]
        self.eligible |= {entry.name: entry.eligible for entry in message.changed}

    @property
    def states(self) -> str:
        """The first letter of each state, in the order of the backends."""
        routed = {member.backend.name: member.eligible for member in self.pool.snapshot.members.values()}
        assert self.eligible == routed, "workers know what the snapshot says"
        return "".join(member.state.value[0] for member in self.pool.snapshot.members.values())

    @property
    def reasons(self) -> list[tuple[State, str, float | None]]:
        """All changes of state after the first probes."""
        changes = [change for change in self.announced if isinstance(change, StateChanged)]
        return [(change.member.state, change.reason, change.seconds) for change in changes[len(self.backends) :]]

    def good_session(self, number: int, worker: int = 0) -> None:
        """A session of a worker that got a byte."""
        slot = self.pool.slots[self.backends[number].name]
        self.board.cells[self.board.base(worker) + BACKENDS.cell(slot, BackendCell.GOOD)] += 1

    def report(self, number: int, worker: int = 0, **failures: Any) -> BackendFailed:
        """What a worker would report about a backend now."""
        name = self.backends[number].name
        slot = self.pool.slots[name]
        good = self.board.cells[self.board.base(worker) + BACKENDS.cell(slot, BackendCell.GOOD)]
        counts = {"dials": 0, "resets": 0, "early_ends": 0, "disputed": 0, "clients": [], "reason": "", **failures}
        return BackendFailed(worker, "chat", name, good, **counts)

    def refused(self, number: int, dials: int = 5, worker: int = 0) -> None:
        """Dials of a worker that were refused."""
        self.pool.failed(self.report(number, worker, dials=dials, reason="refused"))

    def ended_early(self, number: int, sessions: int = 5, worker: int = 0) -> None:
        """Sessions of a worker that ended early."""
        self.pool.failed(self.report(number, worker, early_ends=sessions))

    def probe(self, number: int, results: str) -> None:
        """Probes that pass (`+`) or fail (`-`)."""
        for result in results:
            self.pool.probed(self.backends[number].name, None if result == "+" else "connection refused", 0.001)

    def restored(self) -> bool:
        """Whether nobody is ejected any more, after a look at the time."""
        self.pool.restore_due()
        return "e" not in self.states

    def shown(self) -> dict[str, Any]:
        """The pool in `/status`."""
        return dict(status_of(self.process)["pools"][0])

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric."""
        return sum(s.value for s in samples_of(self.process) if s.name == name and labels.items() <= s.labels.items())


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board.create(2)
    yield made
    close(made.descriptor)


def test_failures_in_a_row_of_all_workers_together_eject_a_backend(board: Board) -> None:
    bench = Bench(board)
    bench.refused(0, 2, worker=0)
    bench.refused(0, 2, worker=1)
    assert bench.states == "uuuu"
    bench.refused(0, 1, worker=0)
    assert bench.states == "euuu"
    assert bench.reasons == [(State.EJECTED, "5 dials in a row failed: refused", 30.0)]


@pytest.mark.parametrize("worker", [0, 1])
def test_a_good_session_of_any_worker_breaks_the_row(board: Board, worker: int) -> None:
    bench = Bench(board)
    bench.refused(0, 4)
    bench.good_session(0, worker)
    bench.refused(0, 4)
    assert bench.states == "uuuu"
    bench.ended_early(0, 1)
    assert bench.states == "euuu"
    assert bench.reasons[0][1] == "5 failures in a row: 4 dials (refused), 1 session ended at once without a byte"


def test_a_report_that_a_good_session_has_overtaken_does_not_count(board: Board) -> None:
    bench = Bench(board)
    report = bench.report(0, dials=5, reason="refused")
    bench.good_session(0)
    bench.pool.failed(report)
    assert bench.states == "uuuu"
    bench.refused(0, 4)
    assert bench.states == "uuuu"


@pytest.mark.parametrize(
    ("health", "state"),
    [
        pytest.param({"type": "tcp"}, "e", id="connects"),
        pytest.param({"type": "redis"}, "u", id="reads-an-answer"),
        pytest.param({"type": "redis", "port": 8080}, "e", id="of-another-port"),
    ],
)
def test_sessions_that_end_early_after_something_was_sent_eject_when_workers_saw_three_clients_and_no_probe_an_answer(
    board: Board, health: dict[str, Any], state: str
) -> None:
    bench = Bench(board, health={**HTTP, **health})
    bench.pool.failed(bench.report(0, worker=0, disputed=50, clients=["10.1.0.1", "10.1.0.2"]))
    bench.pool.failed(bench.report(0, worker=1, disputed=50, clients=["10.1.0.2"]))
    assert bench.states == "uuuu"
    bench.probe(0, "+")
    bench.pool.failed(bench.report(0, worker=1, disputed=1, clients=["10.1.0.3"]))
    assert bench.states == f"{state}uuu"
    bench.pool.failed(bench.report(0, worker=0, disputed=4, clients=["10.1.0.1", "10.1.0.2"]))
    assert bench.states == "euuu"


def test_failures_of_different_backends_are_no_row(board: Board) -> None:
    bench = Bench(board)
    for number in range(4):
        bench.refused(number, 4)
    assert bench.states == "uuuu"


def test_never_more_than_the_percentage_rounded_down_and_never_the_last_that_is_up(board: Board) -> None:
    bench = Bench(board, 5)
    for number in range(5):
        bench.refused(number, 100)
    assert bench.states == "eeuuu"
    assert bench.metric("tidegate_backend_ejections_total") == 2
    everybody = Bench(board, 4, outliers={"max_ejected_percent": 100})
    everybody.probe(3, "---")
    for number in (0, 1, 2, 3):
        everybody.refused(number)
    assert everybody.states == "eeud"
    for alone in (Bench(board, 1), Bench(board, 1, outliers={"max_ejected_percent": 100})):
        alone.refused(0, 100)
        assert alone.states == "u"


def test_one_that_could_not_be_ejected_is_with_its_next_failure_once_there_is_room(board: Board) -> None:
    bench = Bench(board, 2)
    bench.ended_early(0)
    bench.ended_early(1)
    assert bench.states == "eu"
    bench.probe(0, "++")
    assert bench.states == "uu"
    bench.ended_early(1, 1)
    assert bench.states == "ue"
    assert bench.reasons[-1][1] == "6 sessions in a row ended at once without a byte"


def test_a_pool_that_shrinks_takes_ejected_backends_back_the_one_that_is_due_first(board: Board) -> None:
    bench = Bench(board)
    bench.refused(1)
    bench.refused(0)
    assert bench.states == "eeuu"
    bench.pool.discovered(bench.backends[:3])
    assert bench.states == "euu"
    assert bench.reasons[-1][:2] == (State.UP, "the pool has become too small for so many ejections")


async def test_when_its_time_is_over_a_backend_is_restored_and_the_next_ejection_is_longer(board: Board) -> None:
    bench = Bench(board, outliers={"ejection": "20ms", "max_ejection": "1m"})
    for seconds in (0.02, 0.04, 0.08):
        bench.refused(0)
        assert bench.states == "euuu"
        assert bench.reasons[-1][2] == seconds
        bench.refused(0)  # on its way when the backend was ejected
        await until(bench.restored)
        state, reason, lasted = bench.reasons[-1]
        assert (state, reason) == (State.UP, "its time is over")
        assert lasted is not None
        assert lasted >= seconds
    bench.refused(0, 4)
    assert bench.states == "uuuu", "the row starts from zero"


def test_rise_probes_in_a_row_that_pass_restore_early(board: Board) -> None:
    bench = Bench(board)
    bench.probe(0, "++")
    bench.ended_early(0)
    bench.probe(0, "+-+")
    assert bench.states == "euuu", "those before the ejection do not count"
    bench.probe(0, "+")
    assert bench.states == "uuuu"
    assert bench.reasons[-1][:2] == (State.UP, "2 checks in a row succeeded")


@pytest.mark.parametrize(
    ("failures", "restored"),
    [
        pytest.param({"dials": 5, "reason": "refused"}, "u", id="refused"),
        pytest.param({"dials": 4, "reason": "refused", "early_ends": 1}, "e", id="ended-early"),
        pytest.param({"dials": 5, "resets": 1, "reason": "reset"}, "e", id="accepted-and-reset"),
    ],
)
def test_a_probe_that_only_connects_does_not_restore_a_backend_that_accepts_and_then_ends(
    board: Board, failures: dict[str, Any], restored: str
) -> None:
    bench = Bench(board, health={**HTTP, "type": "tcp"})
    bench.pool.failed(bench.report(0, **failures))
    bench.probe(0, "+++++++")
    assert bench.states == f"{restored}uuu"


@pytest.mark.parametrize("elsewhere", [{"port": 8080}, {"address": "10.9.9.9"}])
def test_a_probe_of_another_port_or_address_says_nothing_about_the_traffic(board: Board, elsewhere: dict[str, Any]) -> None:
    bench = Bench(board, health={**HTTP, **elsewhere})
    bench.refused(0)
    bench.probe(0, "+++++++")
    assert bench.states == "euuu"
    same = Bench(board, health={**HTTP, "port": 80})
    same.refused(0)
    same.probe(0, "++")
    assert same.states == "uuuu"


def test_an_ejected_backend_that_fails_its_checks_goes_down_and_comes_up_with_the_ejection_over(board: Board) -> None:
    bench = Bench(board)
    bench.refused(0)
    bench.probe(0, "---")
    assert bench.states == "duuu"
    assert bench.shown()["backends"][0]["ejection"] is None
    bench.refused(0)
    bench.probe(0, "++")
    assert bench.states == "uuuu"
    assert [state for state, _, _ in bench.reasons] == [State.EJECTED, State.DOWN, State.UP]


def test_without_checks_a_backend_is_ejected_too(board: Board) -> None:
    bench = Bench(board, health={"type": "none"})
    bench.refused(0)
    assert bench.states == "euuu"


def test_with_no_limit_of_failures_nobody_is_ejected(board: Board) -> None:
    bench = Bench(board, outliers={"failures": 0})
    bench.refused(0, 1000)
    assert bench.states == "uuuu"


def test_status_and_metrics_say_who_is_ejected_why_and_until_when(board: Board) -> None:
    bench = Bench(board)
    bench.ended_early(2)
    shown = bench.shown()["backends"][2]
    assert shown["state"] == "ejected"
    assert shown["ejection"]["reason"] == "5 sessions in a row ended at once without a byte"
    assert shown["ejection"]["until"] > shown["since"]
    name = bench.backends[2].name
    assert bench.metric("tidegate_backend_state", backend=name, state="ejected") == 1
    assert bench.metric("tidegate_backend_up", backend=name) == 0
    assert bench.metric("tidegate_pool_backends", state="ejected") == 1
    assert bench.metric("tidegate_backend_ejections_total", backend=name) == 1


def test_a_backend_at_another_address_and_one_that_comes_back_have_a_clean_slate(board: Board) -> None:
    bench = Bench(board)
    one, *others = bench.backends
    bench.refused(0)
    bench.pool.discovered([Backend(one.name, "10.9.9.9", 80), *others])
    bench.probe(0, "+")
    assert bench.states == "uuuu"
    bench.refused(0)
    bench.pool.discovered(others)
    bench.pool.discovered(bench.backends)
    bench.probe(0, "+")
    bench.refused(0, 4)
    assert bench.states == "uuuu"


def test_a_report_about_a_backend_that_has_left_changes_nothing(board: Board) -> None:
    bench = Bench(board)
    report = bench.report(0, dials=5, reason="refused")
    bench.pool.discovered(bench.backends[1:])
    before = len(bench.announced)
    bench.pool.failed(report)
    assert len(bench.announced) == before


def panics(bench: Bench) -> list[bool]:
    return [change.panic for change in bench.announced if isinstance(change, PanicChanged)]


def test_when_all_are_down_clients_are_turned_away_unless_all_are_to_be_tried(board: Board) -> None:
    for settings, eligible in (({}, 0), ({"when_all_down": "try_all"}, 2)):
        bench = Bench(board, 2, **settings)
        bench.probe(0, "---")
        assert bench.pool.snapshot.eligible == 1
        bench.probe(1, "---")
        assert bench.states == "dd"
        assert bench.pool.snapshot.eligible == eligible
        assert bench.shown()["panic"] is bool(eligible)
        assert bench.metric("tidegate_pool_panic") == bool(eligible)
        assert bool(not_ready_reasons(bench.process)) is not bool(eligible), "ready is what routing uses"
        bench.probe(0, "++")
        assert (bench.states, bench.pool.snapshot.eligible) == ("ud", 1)
        assert panics(bench) == ([True, False] if eligible else [])


def test_the_last_to_go_down_and_the_panic_are_told_to_routing_in_one_piece(board: Board) -> None:
    bench = Bench(board, 2, when_all_down="try_all")
    bench.probe(0, "---")
    messages = 0
    apply = bench.apply

    def count(message: BackendsChanged) -> None:
        nonlocal messages
        messages += 1
        apply(message)
        assert any(bench.eligible.values()), "a client may come at any moment"

    bench.apply = count  # type: ignore[method-assign]
    bench.probe(1, "---")
    assert messages == 1


def test_below_the_threshold_health_is_ignored_also_that_of_ejected_backends(board: Board) -> None:
    bench = Bench(board, panic_threshold=50)
    bench.probe(0, "---")
    bench.refused(1)
    assert (bench.states, bench.pool.snapshot.eligible) == ("deuu", 2)
    bench.probe(2, "---")
    assert (bench.states, bench.pool.snapshot.eligible) == ("dedu", 4)
    newcomer = Backend("10.0.0.9:80", "10.0.0.9", 80)
    bench.pool.discovered([*bench.backends, newcomer])
    assert (bench.states, bench.eligible[newcomer.name]) == ("deduc", False), "nobody knows yet what it is"
    bench.pool.probed(newcomer.name, "connection refused", 0.001)
    assert (bench.states, bench.eligible[newcomer.name]) == ("dedud", True)
    bench.probe(0, "++")
    bench.probe(2, "++")
    assert (bench.states, bench.pool.snapshot.eligible) == ("ueuud", 3)
    assert panics(bench) == [True, False]


def test_there_is_no_panic_before_every_backend_has_been_probed(board: Board) -> None:
    bench = Bench(board, 2, when_all_down="try_all")
    fresh = LivePool("late", bench.pool.settings, "static", bench.totals, lambda _, changes: bench.announced.extend(changes))
    fresh.discovered(bench.backends)
    fresh.probed(bench.backends[0].name, "connection refused", 0.001)
    assert not fresh.snapshot.panic
    fresh.settle()
    assert fresh.snapshot.panic, "clients come now, whatever is still being checked"
