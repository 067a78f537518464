"""A pool whose backends come and go: what it announces, and what of a backend stays until its last connection is closed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import close
from time import monotonic

import pytest

from tests.support.reports import samples_of, status_of
from tidegate.control.log import ControlLog
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.process import Process
from tidegate.control.report.status.readiness import not_ready_reasons
from tidegate.control.totals import Totals
from tidegate.control.workers.orders import all_backends
from tidegate.control.workers.processes import Workers
from tidegate.core.health.traffic import Traffic
from tidegate.core.lifecycle import ProcessState
from tidegate.core.limits import MOST_BACKENDS
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import BackendAdded, BackendAltered, BackendRemoved, Change, PanicChanged, StateChanged
from tidegate.core.reasons import ConnectFailure
from tidegate.link.board import BACKENDS, FAILURE_CELL, BackendCell, Board
from tidegate.link.log_stream import LogStream
from tidegate.link.messages import AffinityEntry, BackendFailed
from tidegate.settings.parts.pool import PoolSettings

ONE, TWO = Backend("10.0.0.1:80", "10.0.0.1", 80), Backend("10.0.0.2:80", "10.0.0.2", 80)
SETTINGS = PoolSettings.model_validate({"backends": "10.0.0.1:80", "health": {"type": "tcp", "rise": 2, "fall": 3}})


SLOW_START = SETTINGS.model_copy(update={"slow_start": 30.0})


class Bench:
    """A pool with everything that reads it, and a board to play worker on."""

    def __init__(self, board: Board, settings: PoolSettings = SETTINGS, source: str = "static") -> None:
        self.board = board
        self.totals = Totals(board)
        self.announced: list[Change | PanicChanged] = []
        self.pool = LivePool("chat", settings, source, self.totals, lambda _, changes: self.announced.extend(changes))
        workers = Workers(1, self.totals, lambda _: None, lambda *_: None, {})
        self.process = Process(self.totals, {"chat": self.pool}, {}, workers, ControlLog(LogStream(1)), ProcessState.RUNNING)

    def connect(self, backend: Backend, change: int) -> None:
        """Connections that a worker has opened or closed."""
        slot = self.pool.slots[backend.name]
        self.board.cells[BACKENDS.cell(slot, BackendCell.ACTIVE)] += change
        self.board.cells[BACKENDS.cell(slot, BackendCell.TOTAL)] += max(0, change)

    def series(self, name: str) -> dict[str, float]:
        """A metric by backend."""
        return {sample.labels["backend"]: sample.value for sample in samples_of(self.process) if sample.name == name}

    def states(self) -> dict[str, str]:
        """The state metric's label by backend."""
        samples = [sample for sample in samples_of(self.process) if sample.name == "tidegate_backend_state"]
        return {sample.labels["backend"]: sample.labels["state"] for sample in samples}

    def listed(self) -> list[str]:
        """The backends of `/status`."""
        return [backend["name"] for backend in status_of(self.process)["pools"][0]["backends"]]


TRUSTING = PoolSettings.model_validate(
    {"backends": "10.0.0.1:80", "health": {"initial": "up", "rise": 2, "fall": 3, "skip_on_traffic": True}}
)


@contextmanager
def bench_of(source: str) -> Iterator[Bench]:
    board = Board.create(1)
    yield Bench(board, source=source)
    close(board.descriptor)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with bench_of("static") as bench:
        yield bench


def test_a_backend_that_leaves_keeps_its_series_until_its_last_connection_has_closed(bench: Bench) -> None:
    bench.pool.discovered([ONE, TWO])
    bench.pool.probed(ONE.name, None, 0.001)
    bench.connect(ONE, 2)
    bench.pool.discovered([TWO])
    bench.pool.release_slots()
    assert bench.listed() == [TWO.name, ONE.name], "in `/status` as in the metrics"
    assert bench.states() == {ONE.name: "draining", TWO.name: "checking"}
    assert bench.series("tidegate_backend_up") == {ONE.name: 0, TWO.name: 0}
    assert bench.series("tidegate_backend_connections_active") == {ONE.name: 2, TWO.name: 0}

    bench.connect(ONE, -1)
    bench.pool.release_slots()
    assert ONE.name in bench.states()
    bench.connect(ONE, -1)
    bench.pool.release_slots()
    assert bench.states() == {TWO.name: "checking"}
    assert bench.series("tidegate_backend_connections_total") == {TWO.name: 0}


def test_a_newcomer_on_a_used_slot_starts_from_zero(bench: Bench) -> None:
    bench.pool.discovered([ONE])
    slot = bench.pool.slots[ONE.name]
    bench.connect(ONE, 3)
    bench.connect(ONE, -3)
    bench.pool.discovered([TWO])
    for _ in range(BACKENDS.capacity - 2):
        bench.totals.allocate(BACKENDS)
    bench.pool.release_slots()
    bench.pool.discovered([TWO, ONE])
    assert bench.pool.slots[ONE.name] == slot
    assert bench.series("tidegate_backend_connections_total") == {ONE.name: 0, TWO.name: 0}


def test_a_backend_that_returns_while_it_still_has_connections_keeps_its_counters(bench: Bench) -> None:
    bench.pool.discovered([ONE, TWO])
    bench.connect(ONE, 1)
    bench.pool.discovered([TWO])
    bench.pool.discovered([TWO, ONE])
    bench.pool.release_slots()
    assert bench.pool.slots.leaving == {}
    assert bench.series("tidegate_backend_connections_total")[ONE.name] == 1
    assert bench.states()[ONE.name] == "checking", "it is probed before it gets new connections"


def test_new_settings_decide_from_the_next_event_on(bench: Bench) -> None:
    bench.pool.discovered([ONE, TWO])
    bench.pool.probed(ONE.name, "connection refused", 0.001)
    given = {"backends": "10.0.0.1:80", "health": {"type": "tcp", "rise": 1}, "when_all_down": "try_all"}
    bench.pool.configure(PoolSettings.model_validate({**given, "affinity": {"ttl": "60s"}}))
    assert bench.pool.affinity is not None
    assert not bench.pool.snapshot.members[ONE.name].eligible
    bench.pool.probed(TWO.name, "connection refused", 0.001)
    assert bench.pool.snapshot.members[ONE.name].eligible, "health is ignored while all are down"
    bench.pool.probed(ONE.name, None, 0.001)
    assert bench.pool.snapshot.members[ONE.name].state is State.UP
    bench.pool.configure(SETTINGS)
    assert bench.pool.affinity is None


def with_settings(**given: object) -> PoolSettings:
    health = {"type": "tcp", "rise": 1, "fall": 1}
    return PoolSettings.model_validate({"backends": "10.0.0.1:80,10.0.0.2:80", "health": health, **given})


def test_new_settings_reach_slow_starts_moves_ejections_and_affinity(bench: Bench) -> None:
    pool = bench.pool
    pool.configure(with_settings(slow_start="1m", affinity={"ttl": "60s", "max_clients": 1}, ready={"min_backends": 2}))
    assert not_ready_reasons(bench.process) == ["pool chat: 0 of at least 2 backends usable"]
    pool.discovered([ONE, replace(TWO, others=("10.0.0.3",))])
    pool.probed(ONE.name, None, 0.001)
    pool.probed(TWO.name, "refused", 0.001)
    pool.probed(TWO.name, None, 0.001)
    assert not_ready_reasons(bench.process) == []
    assert list(pool.warming.since) == [TWO.name]
    assert pool.affinity is not None
    entries = [AffinityEntry(f"10.1.0.{number}", ONE.name, 0.0) for number in range(2)]
    pool.affinity.learned(entries, pool.records)
    assert pool.affinity.clients == 1
    pool.configure(
        with_settings(
            affinity={"ttl": "60s", "max_clients": 2},
            connect_timeout="1h",
            outliers={"failures": 1},
            health={"type": "none"},
        )
    )
    assert pool.warming.since == {}
    pool.affinity.learned(entries, pool.records)
    assert pool.affinity.clients == 2, "it is still the same table"
    report = BackendFailed(0, "chat", TWO.name, 0, 1, 0, 0, 0, [], "timeout")
    pool.failed(report)
    assert pool.snapshot.members[TWO.name].backend.host == "10.0.0.3"
    assert pool.snapshot.members[TWO.name].state is State.EJECTED
    moved_at = monotonic()
    assert not pool._moves.may_move(TWO.name, "timeout", moved_at + 3590)
    assert pool._moves.may_move(TWO.name, "timeout", moved_at + 3610)


def test_clients_of_a_backend_that_leaves_are_forgotten_and_those_of_others_are_not(bench: Bench) -> None:
    pool = bench.pool
    pool.configure(with_settings(affinity={"ttl": "60s"}))
    pool.discovered([ONE, TWO])
    assert pool.affinity is not None
    entries = [AffinityEntry("10.1.0.1", ONE.name, 0.0), AffinityEntry("10.1.0.2", TWO.name, 0.0)]
    pool.affinity.learned(entries, pool.records)
    pool.discovered([TWO])
    assert [entry.client for entry in pool.affinity.everything().entries] == ["10.1.0.2"]


def test_each_change_is_announced_once_and_by_the_state_it_leads_to(bench: Bench) -> None:
    bench.pool.discovered([ONE])
    bench.pool.discovered([ONE])
    for failure in (None, "connection refused", "connection refused", "connection refused", None, None):
        bench.pool.probed(ONE.name, failure, 0.001)
    heavier = Backend(ONE.name, ONE.host, ONE.port, weight=5)
    bench.pool.discovered([heavier])
    bench.pool.discovered([])
    assert [type(change) for change in bench.announced] == [
        BackendAdded, StateChanged, StateChanged, StateChanged, BackendAltered, BackendRemoved,
    ]  # fmt: skip
    changes = [change for change in bench.announced if isinstance(change, StateChanged)]
    assert [(change.member.state, change.reason) for change in changes] == [
        (State.UP, "ok"),
        (State.DOWN, "connection refused"),
        (State.UP, "ok"),
    ]
    assert bench.pool.discovery.events == {"added": 1, "altered": 1, "removed": 1}


@pytest.fixture
def trusting() -> Iterator[Bench]:
    board = Board.create(1)
    yield Bench(board, TRUSTING)
    close(board.descriptor)


def test_a_backend_that_is_trusted_at_once_is_used_before_its_first_probe_and_until_fall_failures(trusting: Bench) -> None:
    trusting.pool.discovered([ONE])
    assert trusting.pool.settled.is_set(), "nobody waits for probes"
    assert not_ready_reasons(trusting.process) == []
    states = [trusting.states()[ONE.name]]
    for failure in ("refused", "refused", None, "refused", "refused", "refused"):
        trusting.pool.probed(ONE.name, failure, 0.001)
        states.append(trusting.states()[ONE.name])
    assert states == ["up"] * 6 + ["down"]
    assert [type(change) for change in trusting.announced] == [BackendAdded, StateChanged]


def test_failures_at_one_address_do_not_count_against_a_trusted_backend_at_another(trusting: Bench) -> None:
    moved = Backend(ONE.name, "10.0.0.77", 80)
    for address, state in ((ONE, "up"), (moved, "up"), (ONE, "up")):
        trusting.pool.discovered([address])
        for _ in range(2):
            trusting.pool.probed(ONE.name, "refused", 0.001)
        assert trusting.states()[ONE.name] == state
    trusting.pool.probed(ONE.name, "refused", 0.001)
    assert trusting.states()[ONE.name] == "down"
    trusting.pool.discovered([moved])
    assert trusting.states()[ONE.name] == "up", "what was said of another address is forgotten"


def test_a_name_that_cannot_be_resolved_is_not_trusted(trusting: Bench) -> None:
    trusting.pool.discovered([Backend("chat:80", "", 80)])
    assert trusting.states() == {"chat:80": "checking"}
    trusting.pool.probed("chat:80", "the name cannot be resolved", 0.0)
    assert trusting.states() == {"chat:80": "down"}
    trusting.pool.discovered([Backend("chat:80", "10.0.0.7", 80)])
    assert trusting.states() == {"chat:80": "up"}


def test_a_probe_left_out_is_counted_shown_and_changes_nothing_else(trusting: Bench) -> None:
    trusting.pool.discovered([ONE])
    trusting.pool.probed(ONE.name, None, 0.001)
    before = trusting.pool.records[ONE.name].health
    trusting.pool.skipped(ONE.name)
    assert trusting.pool.records[ONE.name].health == before
    assert trusting.pool.records[ONE.name].last_result == "skipped: real traffic succeeds"
    checks = [sample for sample in samples_of(trusting.process) if sample.name == "tidegate_backend_health_checks_total"]
    counts = {sample.labels["result"]: sample.value for sample in checks}
    assert counts == {"success": 1, "failure": 0, "skipped": 1}


def test_the_traffic_of_a_backend_is_that_of_all_its_connections_and_failed_dials(bench: Bench) -> None:
    bench.pool.discovered([ONE, TWO])
    slot = bench.pool.slots[ONE.name]
    bench.connect(ONE, 2)
    bench.board.cells[BACKENDS.cell(slot, BackendCell.RECEIVED_BYTES)] += 77
    for failure in ConnectFailure:
        bench.board.cells[BACKENDS.cell(slot, FAILURE_CELL[failure])] += 1
    assert bench.pool.slots.traffic(ONE.name) == Traffic(2, 77, len(ConnectFailure))
    assert bench.pool.slots.traffic(TWO.name) == Traffic(0, 0, 0)


@pytest.fixture
def warming() -> Iterator[Bench]:
    board = Board.create(1)
    yield Bench(board, SLOW_START)
    close(board.descriptor)


def probe(bench: Bench, backend: Backend, *failures: str | None) -> None:
    for failure in failures:
        bench.pool.probed(backend.name, failure, 0.001)


def warms(bench: Bench) -> dict[str, bool]:
    """Who is told to workers as having just come up."""
    now = monotonic()
    entries = all_backends(bench.pool).changed
    assert all(entry.warming_since is None or now - 10 < entry.warming_since <= now for entry in entries)
    return {entry.name: entry.warming_since is not None for entry in entries}


def test_backends_that_start_with_the_pool_have_no_slow_start(warming: Bench) -> None:
    warming.pool.discovered([ONE, TWO])
    probe(warming, ONE, None)
    probe(warming, TWO, None)
    assert warms(warming) == {ONE.name: False, TWO.name: False}


def test_a_backend_that_comes_back_starts_slowly_until_it_is_down_again(warming: Bench) -> None:
    warming.pool.discovered([ONE, TWO])
    probe(warming, ONE, None)
    probe(warming, TWO, "refused", None)
    assert warms(warming) == {ONE.name: False, TWO.name: False}, "it takes two"
    probe(warming, TWO, None)
    assert warms(warming) == {ONE.name: False, TWO.name: True}
    warming.pool.discovered([ONE, replace(TWO, weight=3)])
    assert warms(warming)[TWO.name], "another weight is no other backend"
    probe(warming, TWO, "refused", "refused", "refused")
    assert warms(warming) == {ONE.name: False, TWO.name: False}


def test_a_backend_that_joins_a_pool_that_serves_starts_slowly_and_leaves_no_trace(warming: Bench) -> None:
    warming.pool.discovered([ONE])
    probe(warming, ONE, None)
    warming.pool.discovered([ONE, TWO])
    assert warms(warming) == {ONE.name: False, TWO.name: False}
    probe(warming, TWO, None)
    assert warms(warming) == {ONE.name: False, TWO.name: True}
    warming.pool.discovered([ONE])
    assert warming.pool.warming.since == {}


def test_status_says_with_what_weight_a_backend_is_balanced_while_it_starts_slowly(warming: Bench) -> None:
    def weights() -> list[tuple[float, float]]:
        backends = status_of(warming.process)["pools"][0]["backends"]
        return [(backend["weight"], backend["effective_weight"]) for backend in backends]

    warming.pool.discovered([ONE, replace(TWO, weight=5)])
    probe(warming, ONE, None)
    probe(warming, TWO, "refused", None, None)
    warming.pool.warming.since[TWO.name] = monotonic() - 15
    assert weights() == [(1, 1), (5, 2.75)]
    warming.pool.warming.since[TWO.name] = monotonic() - 31
    assert weights() == [(1, 1), (5, 5)]


def test_a_backend_with_another_address_is_new(warming: Bench) -> None:
    warming.pool.discovered([ONE])
    probe(warming, ONE, None)
    warming.pool.discovered([replace(ONE, host="10.0.0.9")])
    probe(warming, ONE, None)
    assert warms(warming) == {ONE.name: True}


def test_a_backend_that_is_trusted_at_once_starts_slowly_only_where_others_serve_already() -> None:
    board = Board.create(1)
    both = Bench(board, TRUSTING.model_copy(update={"slow_start": 30.0}))
    both.pool.discovered([ONE])
    both.pool.discovered([ONE, TWO])
    assert warms(both) == {ONE.name: False, TWO.name: True}
    close(board.descriptor)


def test_without_slow_start_nobody_warms_up(bench: Bench) -> None:
    bench.pool.discovered([ONE])
    probe(bench, ONE, "refused", None, None)
    assert warms(bench) == {ONE.name: False}


def test_a_late_probe_of_a_backend_that_has_left_changes_nothing(bench: Bench) -> None:
    bench.pool.discovered([ONE, TWO])
    bench.pool.discovered([TWO])
    before = len(bench.announced)
    bench.pool.probed(ONE.name, None, 0.001)
    assert len(bench.announced) == before
    assert ONE.name not in bench.pool.snapshot.members


def test_a_pool_without_enough_usable_backends_is_a_reason_not_to_be_ready(bench: Bench) -> None:
    bench.pool.discovered([ONE, TWO])
    reason = "pool chat: 0 of at least 1 backends usable"
    assert not_ready_reasons(bench.process) == [reason]
    bench.pool.probed(ONE.name, None, 0.001)
    assert not_ready_reasons(bench.process) == []
    bench.process.state = ProcessState.DRAINING
    assert not_ready_reasons(bench.process) == ["the process is draining"]


def test_a_draining_backend_gets_nothing_new_and_its_probes_decide_only_once_it_is_back() -> None:
    one, two = Backend("10.0.0.1:80", "10.0.0.1", 80, pod="web-1"), Backend("10.0.0.2:80", "10.0.0.2", 80)
    stranger = Backend("10.0.0.3:80", "10.0.0.3", 80)
    with bench_of("kubernetes") as bench:
        pool, announced = bench.pool, bench.announced
        pool.discovered([one, two])
        assert pool.snapshot.eligible == 2, "what Kubernetes calls ready need not wait for a probe"
        announced.clear()
        pool.discovered([two], draining=[one, stranger])
        assert {name: member.state for name, member in pool.snapshot.members.items()} == {
            two.name: State.UP,
            one.name: State.DRAINING,
        }
        (change,) = announced
        assert isinstance(change, StateChanged)
        for _ in range(SETTINGS.health.fall):
            pool.probed(one.name, "connection refused", 0.001)
        assert pool.snapshot.members[one.name].state is State.DRAINING
        pool.discovered([two, one])
        assert pool.snapshot.members[one.name].state is State.DOWN, "its probes have failed meanwhile"
        assert isinstance(announced[-1], StateChanged), "workers must hear of it, too"
        assert announced[-1].member == pool.snapshot.members[one.name]
        pool.discovered([two], draining=[one])
        pool.discovered([two])
        assert list(pool.snapshot.members) == [two.name]
        pool.discovered([one, two])
        assert pool.snapshot.members[one.name].state is State.UP, "it has begun anew"


def test_backends_beyond_the_places_on_the_board_are_left_out() -> None:
    with bench_of("kubernetes") as bench:
        pool = bench.pool
        every = [Backend(f"10.0.0.1:{port}", "10.0.0.1", port) for port in range(1, MOST_BACKENDS + 3)]
        pool.discovered(every)
        assert len(pool.snapshot.members) == MOST_BACKENDS
        assert pool.discovery.reason == "no room for 2 more backends"
        pool.discovered(every[5:])
        assert len(pool.snapshot.members) == MOST_BACKENDS - 5
        pool.release_slots()
        pool.discovered(every[5:])
        assert len(pool.snapshot.members) == MOST_BACKENDS - 3
        assert pool.discovery.reason is None
