"""The metrics of a backend: each number is the one that its name says."""

from collections.abc import Iterator

import pytest

from tests.support.reports import by_label, count_distinctly, number_of, process_of, samples_of
from tidegate.control import clock
from tidegate.control.process import Process
from tidegate.core.pools.backend import Backend
from tidegate.link.board import BACKENDS, FAILURE_CELL, BackendCell
from tidegate.link.messages import BackendFailed
from tidegate.settings.parts.pool import PoolSettings

FIRST = Backend("10.0.0.1:80", "10.0.0.1", 80, max_connections=9)
SECOND = Backend("10.0.0.2:80", "10.0.0.2", 80)
OF_FIRST = {"pool": "chat", "backend": FIRST.name}


@pytest.fixture
def process() -> Iterator[Process]:
    with process_of([FIRST, SECOND]) as process:
        yield process


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("tidegate_backend_connections_active", BackendCell.ACTIVE),
        ("tidegate_backend_connections_total", BackendCell.TOTAL),
        ("tidegate_backend_sent_bytes_total", BackendCell.SENT_BYTES),
        ("tidegate_backend_received_bytes_total", BackendCell.RECEIVED_BYTES),
    ],
)
def test_each_number_of_all_workers_is_under_its_own_name(process: Process, name: str, cell: BackendCell) -> None:
    numbers = count_distinctly(process, BACKENDS, process.pools["chat"].slots[FIRST.name])
    assert by_label(process, name, "backend", pool="chat") == {FIRST.name: numbers[cell], SECOND.name: 0}


def test_failed_dials_are_counted_by_their_reason(process: Process) -> None:
    numbers = count_distinctly(process, BACKENDS, process.pools["chat"].slots[FIRST.name])
    expected = {str(reason): numbers[cell] for reason, cell in FAILURE_CELL.items()}
    assert by_label(process, "tidegate_backend_connect_failures_total", "reason", **OF_FIRST) == expected


def test_a_backend_is_up_or_in_one_other_state(process: Process) -> None:
    pool = process.pools["chat"]
    pool.probed(FIRST.name, None, 0.001)
    pool.probed(SECOND.name, "refused", 0.001)
    assert by_label(process, "tidegate_backend_up", "backend") == {FIRST.name: 1, SECOND.name: 0}
    states = [
        (s.labels["backend"], s.labels["state"], s.value) for s in samples_of(process) if s.name == "tidegate_backend_state"
    ]
    assert states == [(FIRST.name, "up", 1), (SECOND.name, "down", 1)]
    since = pool.snapshot.members[FIRST.name].since
    assert number_of(process, "tidegate_backend_last_transition_timestamp_seconds", **OF_FIRST) == since
    assert clock.now() - 60 < since <= clock.now()


def test_only_a_backend_with_a_limit_has_one(process: Process) -> None:
    assert by_label(process, "tidegate_backend_connections_limit", "backend") == {FIRST.name: 9}


def test_probes_are_counted_by_their_result_and_those_that_cannot_be_are_not_there(process: Process) -> None:
    pool, name = process.pools["chat"], "tidegate_backend_health_checks_total"
    for failure in (None, None, None, "refused", "refused"):
        pool.probed(FIRST.name, failure, 0.001)
    pool.skipped(FIRST.name)
    assert by_label(process, name, "result", **OF_FIRST) == {"success": 3, "failure": 2}
    pool.probed_late(FIRST.name)
    pool.configure(PoolSettings.model_validate({"backends": FIRST.name, "health": {"skip_on_traffic": True}}))
    assert by_label(process, name, "result", **OF_FIRST) == {"success": 3, "failure": 2, "skipped": 1, "late": 1}


def test_ejections_are_counted(process: Process) -> None:
    pool = process.pools["chat"]
    for backend in (FIRST, SECOND):
        pool.probed(backend.name, None, 0.001)
    assert by_label(process, "tidegate_backend_ejections_total", "backend") == {FIRST.name: 0, SECOND.name: 0}
    dials = pool.settings.outliers.failures
    pool.failed(BackendFailed(0, "chat", FIRST.name, 0, dials, 0, 0, 0, [], "refused"))
    assert by_label(process, "tidegate_backend_ejections_total", "backend") == {FIRST.name: 1, SECOND.name: 0}


def test_a_backend_that_has_left_and_has_no_connections_is_not_there_any_more(process: Process) -> None:
    process.pools["chat"].discovered([SECOND])
    process.pools["chat"].release_slots()
    assert list(by_label(process, "tidegate_backend_up", "backend")) == [SECOND.name]
