"""The metrics of the process as a whole."""

import platform
import resource
from collections.abc import Iterator

from tidegate import __version__
from tidegate.control.pools.records import DISCOVERY_EVENTS
from tidegate.control.process import Process
from tidegate.control.report.metrics.metric import ByLabel, Metric, Single
from tidegate.core.lifecycle import ProcessState
from tidegate.core.limits import most_sessions
from tidegate.link.board import WORKER, WorkerCell


def _loop_lags(process: Process) -> Iterator[tuple[str, float]]:
    yield "control", process.loop_lag
    for worker in process.workers.all:
        yield f"worker-{worker.number}", process.totals.loop_lag(worker.number)


def _connections_limit(process: Process) -> int:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # workers inherit it
    workers = len(process.workers.all)
    sockets = workers * sum(len(listener.addresses) for listener in process.listeners.values())
    return workers * most_sessions(soft, sockets)


def _log_lines_dropped(process: Process) -> int:
    return process.log.dropped + process.totals.total(WORKER, 0, WorkerCell.LOG_LINES_DROPPED)


def _discovery_events(process: Process) -> Iterator[tuple[str, int]]:
    for kind in DISCOVERY_EVENTS:
        yield kind, sum(pool.discovery.events[kind] for pool in process.pools.values())


BUILD_LABELS = ("version", "python")
BUILD = (__version__, platform.python_version())

BUILD_METRICS: tuple[Metric[Process], ...] = (Single("tidegate_build_info", "gauge", "Version; always 1.", lambda _: 1),)

METRICS: tuple[Metric[Process], ...] = (
    Single(
        "tidegate_worker_restarts_total",
        "counter",
        "Workers that had died and were started again.",
        lambda process: process.workers.restarts,
    ),
    Single(
        "tidegate_draining",
        "gauge",
        "1 while the process drains, else 0.",
        lambda process: int(process.state is ProcessState.DRAINING),
    ),
    ByLabel("tidegate_event_loop_lag_seconds", "gauge", "How late the last periodic task was.", "process", _loop_lags),
    Single(
        "tidegate_connections_limit",
        "gauge",
        "Client connections for which the workers have file descriptors.",
        _connections_limit,
    ),
    Single(
        "tidegate_log_lines_dropped_total",
        "counter",
        "Log lines dropped because they were not read in time or could not be written.",
        _log_lines_dropped,
    ),
    Single(
        "tidegate_log_lines_lost_total",
        "counter",
        "Lines of ended sessions that were lost with a worker that died, not yet written.",
        lambda process: process.totals.log_lines_lost,
    ),
    ByLabel("tidegate_discovery_events_total", "counter", "What discovery has found, by type.", "type", _discovery_events),
)
