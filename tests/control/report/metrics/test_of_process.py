"""The metrics of the process as a whole: each number is the one that its name says."""

import platform
import resource
from collections.abc import Iterator

import pytest

from tests.support.options import listener_options
from tests.support.reports import by_label, count_distinctly, number_of, process_of, samples_of
from tidegate import __version__
from tidegate.control.process import Process
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.core.address import Address
from tidegate.core.lifecycle import ProcessState
from tidegate.core.limits import most_sessions
from tidegate.core.pools.backend import Backend
from tidegate.link.board import LISTENERS, POOLS, WORKER, WorkerCell

BACKENDS = [Backend(f"10.0.0.{number}:80", f"10.0.0.{number}", 80) for number in range(1, 4)]


@pytest.fixture
def process() -> Iterator[Process]:
    with process_of(BACKENDS) as process:
        yield process


def test_the_version_is_told(process: Process) -> None:
    labels = {"version": __version__, "python": platform.python_version()}
    assert number_of(process, "tidegate_build_info", **labels) == 1


def test_restarts_of_all_workers_are_counted(process: Process) -> None:
    first, second = process.workers.all
    first.restarts, second.restarts = 2, 3
    assert number_of(process, "tidegate_worker_restarts_total") == 5


@pytest.mark.parametrize("state", ProcessState)
def test_only_a_process_that_drains_says_so(process: Process, state: ProcessState) -> None:
    process.state = state
    assert number_of(process, "tidegate_draining") == int(state is ProcessState.DRAINING)


def test_the_loop_of_each_process_has_its_own_lag(process: Process) -> None:
    board = process.totals.board
    process.loop_lag = 0.5
    for number in range(2):
        board.cells[board.base(number) + WORKER.cell(0, WorkerCell.LOOP_LAG_MICROSECONDS)] = 1_500_000 + number * 1_000_000
    lags = {"control": 0.5, "worker-0": 1.5, "worker-1": 2.5}
    assert by_label(process, "tidegate_event_loop_lag_seconds", "process") == lags


def test_each_socket_of_each_worker_takes_something_off_the_limit_of_connections(process: Process) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert number_of(process, "tidegate_connections_limit") == 2 * most_sessions(soft, 0)
    for name, addresses in (("web", 30), ("other", 40)):
        bind = [Address("127.0.0.1", number + 1) for number in range(addresses)]
        process.listeners[name] = BoundListener(name, "chat", process.totals.allocate(LISTENERS), listener_options(), bind)
    assert number_of(process, "tidegate_connections_limit") == 2 * most_sessions(soft, 2 * 70) < 2 * most_sessions(soft, 70)


def test_log_lines_that_were_dropped_and_those_that_were_lost_are_told_apart(process: Process) -> None:
    numbers = count_distinctly(process, WORKER, 0)
    assert number_of(process, "tidegate_log_lines_dropped_total") == numbers[WorkerCell.LOG_LINES_DROPPED]
    assert number_of(process, "tidegate_log_lines_lost_total") == 0
    count_distinctly(process, POOLS, process.pools["chat"].slot)
    lost = process.totals.fold(0).log_lines
    assert number_of(process, "tidegate_log_lines_lost_total") == lost > 0


def test_what_discovery_has_found_is_counted_by_type(process: Process) -> None:
    pool = process.pools["chat"]
    pool.discovered([*BACKENDS[:1], Backend(BACKENDS[1].name, "10.0.0.9", 80)])
    for _ in range(4):
        pool.discovery_failed()
    events = {"added": 3, "removed": 1, "altered": 1, "failed": 4}
    assert by_label(process, "tidegate_discovery_events_total", "type") == events


def test_what_the_system_knows_of_the_process_comes_last(process: Process) -> None:
    names = [sample.name for sample in samples_of(process)]
    own = [index for index, name in enumerate(names) if name.startswith("process_")]
    assert own == list(range(own[0], len(names)))
