"""The Prometheus metrics, read from the stats board and the pools at each scrape. Names and labels are a contract."""

import platform
import resource
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from app import __version__
from app.control.pools import LivePool
from app.control.process import Process
from app.control.records import DISCOVERY_EVENTS
from app.core.backend import State
from app.core.buckets import CONNECT_BUCKETS, DURATION_BUCKETS, PROBE_BUCKETS
from app.core.lifecycle import ProcessState
from app.core.limits import most_sessions
from app.core.pool import Member
from app.core.reasons import CloseReason, ConnectFailure, RejectReason
from app.link.board import (
    BACKENDS,
    CLOSED_CELL,
    FAILURE_CELL,
    LISTENERS,
    POOLS,
    REJECTED_CELL,
    WORKER,
    BackendCell,
    ListenerCell,
    PoolCell,
    Table,
    WorkerCell,
)

BACKEND_LABELS = ("pool", "backend")


def registry(process: Process) -> CollectorRegistry:
    """All metrics of this process."""
    metrics = CollectorRegistry()
    metrics.register(ProcessMetrics(process))
    metrics.register(ListenerMetrics(process))
    metrics.register(PoolMetrics(process))
    metrics.register(BackendMetrics(process))
    ProcessCollector(registry=metrics)
    return metrics


class ProcessMetrics(Collector):
    """The process as a whole."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        """Read the numbers."""
        process = self._process
        build = GaugeMetricFamily("tidegate_build_info", "Version; always 1.", labels=("version", "python"))
        build.add_metric((__version__, platform.python_version()), 1)
        yield build
        yield CounterMetricFamily(
            "tidegate_worker_restarts", "Workers that had died and were started again.", value=process.workers.restarts
        )
        yield GaugeMetricFamily(
            "tidegate_draining", "1 while the process drains, else 0.", value=process.state is ProcessState.DRAINING
        )
        lag = GaugeMetricFamily(
            "tidegate_event_loop_lag_seconds", "How late the last periodic task was.", labels=("process",)
        )
        lag.add_metric(("control",), process.loop_lag)
        for worker in process.workers.all:
            lag.add_metric((f"worker-{worker.number}",), process.totals.loop_lag(worker.number))
        yield lag
        soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # workers inherit it
        yield GaugeMetricFamily(
            "tidegate_connections_limit",
            "Client connections for which the workers have file descriptors.",
            value=len(process.workers.all) * most_sessions(soft),
        )
        yield CounterMetricFamily(
            "tidegate_log_lines_dropped",
            "Log lines dropped because they were not read in time or could not be written.",
            value=process.log.dropped + process.totals.total(WORKER, 0, WorkerCell.LOG_LINES_DROPPED),
        )
        yield CounterMetricFamily(
            "tidegate_log_lines_lost",
            "Lines of ended sessions that were lost with a worker that died, not yet written.",
            value=process.totals.log_lines_lost,
        )
        events = CounterMetricFamily("tidegate_discovery_events", "What discovery has found, by type.", labels=("type",))
        for kind in DISCOVERY_EVENTS:
            events.add_metric((kind,), sum(pool.discovery.events[kind] for pool in process.pools.values()))
        yield events


class ListenerMetrics(Collector):
    """Per listener."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        """Read the numbers."""
        total = CounterMetricFamily("tidegate_listener_connections", "Client connections accepted.", labels=("listener",))
        active = GaugeMetricFamily(
            "tidegate_listener_connections_active", "Client connections open now.", labels=("listener",)
        )
        limit = GaugeMetricFamily(
            "tidegate_listener_connections_limit",
            "Client connections that may be open at once; there is no series without a limit.",
            labels=("listener",),
        )
        rejected = CounterMetricFamily(
            "tidegate_listener_rejected", "Clients turned away before a dial.", labels=("listener", "reason")
        )
        pauses = CounterMetricFamily(
            "tidegate_listener_accept_pauses",
            "Times that accepting paused because file descriptors had run out.",
            labels=("listener",),
        )
        rate_pauses = CounterMetricFamily(
            "tidegate_listener_rate_pauses",
            "Times that accepting paused because the accept rate was used up.",
            labels=("listener",),
        )
        for name, listener in self._process.listeners.items():
            read = Reader(self._process, LISTENERS, listener.slot)
            total.add_metric((name,), read(ListenerCell.TOTAL))
            active.add_metric((name,), read(ListenerCell.ACTIVE))
            if listener.max_connections:
                limit.add_metric((name,), listener.max_connections)
            pauses.add_metric((name,), read(ListenerCell.ACCEPT_PAUSES))
            rate_pauses.add_metric((name,), read(ListenerCell.RATE_PAUSES))
            for reason in RejectReason:
                rejected.add_metric((name, reason.value), read(REJECTED_CELL[reason]))
        return iter((total, active, limit, rejected, pauses, rate_pauses))


class PoolMetrics(Collector):
    """Per pool."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        """Read the numbers."""
        backends = GaugeMetricFamily("tidegate_pool_backends", "Backends by state.", labels=("pool", "state"))
        closed = CounterMetricFamily(
            "tidegate_connections_closed", "Sessions ended, by close reason.", labels=("pool", "reason")
        )
        relayed = CounterMetricFamily(
            "tidegate_relayed_bytes", "Bytes moved, by `path`: `copy` or `splice`, live.", labels=("pool", "path")
        )
        queued = GaugeMetricFamily("tidegate_pool_queued", "Clients that wait for a place on a backend.", labels=("pool",))
        remembered = GaugeMetricFamily(
            "tidegate_pool_affinity_clients", "Client addresses whose backend is remembered.", labels=("pool",)
        )
        connect = HistogramMetricFamily(
            "tidegate_connect_duration_seconds", "Time to connect to a backend.", labels=("pool",)
        )
        duration = HistogramMetricFamily("tidegate_connection_duration_seconds", "Age of ended sessions.", labels=("pool",))
        probes = HistogramMetricFamily("tidegate_health_check_duration_seconds", "Time a probe took.", labels=("pool",))
        synced = GaugeMetricFamily(
            "tidegate_discovery_synced", "1 when the source of backends has spoken.", labels=("pool", "source")
        )
        last_sync = GaugeMetricFamily(
            "tidegate_discovery_last_sync_timestamp_seconds",
            "Unix time when the list of backends was last confirmed.",
            labels=("pool", "source"),
        )
        rebalanced = CounterMetricFamily(
            "tidegate_rebalance_closed", "Sessions closed because their backend had too many.", labels=("pool",)
        )
        dry_run = CounterMetricFamily(
            "tidegate_rebalance_dry_run", "Sessions that a dry run of rebalancing would have closed.", labels=("pool",)
        )
        panic = GaugeMetricFamily(
            "tidegate_pool_panic", "1 while routing ignores the health of the backends, else 0.", labels=("pool",)
        )
        for name, pool in self._process.pools.items():
            panic.add_metric((name,), pool.snapshot.panic)
            read = Reader(self._process, POOLS, pool.slot)
            rebalanced.add_metric((name,), read(CLOSED_CELL[CloseReason.REBALANCE]))
            dry_run.add_metric((name,), pool.rebalance_dry_run)
            for state, count in pool.count_by_state().items():
                backends.add_metric((name, state.value), count)
            for reason in CloseReason:
                closed.add_metric((name, reason.value), read(CLOSED_CELL[reason]))
            queued.add_metric((name,), read(PoolCell.QUEUED))
            if pool.affinity:
                remembered.add_metric((name,), pool.affinity.clients)
            relayed.add_metric((name, "copy"), read(PoolCell.COPIED_BYTES))
            relayed.add_metric((name, "splice"), read(PoolCell.SPLICED_BYTES))
            _add_histogram(connect, name, CONNECT_BUCKETS, *read.histogram(PoolCell.CONNECT, CONNECT_BUCKETS))
            _add_histogram(duration, name, DURATION_BUCKETS, *read.histogram(PoolCell.DURATION, DURATION_BUCKETS))
            _add_histogram(probes, name, PROBE_BUCKETS, pool.probe_seconds.counts, pool.probe_seconds.sum)
            synced.add_metric((name, pool.discovery.source), pool.discovery.synced)
            if pool.discovery.last_sync is not None:
                last_sync.add_metric((name, pool.discovery.source), pool.discovery.last_sync)
        return iter(
            (
                backends,
                panic,
                closed,
                queued,
                remembered,
                relayed,
                connect,
                duration,
                probes,
                synced,
                last_sync,
                rebalanced,
                dry_run,
            )
        )


class BackendMetrics(Collector):
    """Per backend, as long as it belongs to its pool or still has connections."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        """Read the numbers."""
        families = BackendFamilies()
        for pool in self._process.pools.values():
            for member in pool.known:
                families.add(pool, member, Reader(self._process, BACKENDS, pool.slots[member.backend.name]))
        return families.all()


class BackendFamilies:
    """The families of one scrape."""

    def __init__(self) -> None:
        self._up = GaugeMetricFamily("tidegate_backend_up", "1 when in state up, else 0.", labels=BACKEND_LABELS)
        self._state = GaugeMetricFamily(
            "tidegate_backend_state",
            "1 for the current state; there is no series for the others.",
            labels=(*BACKEND_LABELS, "state"),
        )
        self._active = GaugeMetricFamily(
            "tidegate_backend_connections_active", "Connections open or being opened now.", labels=BACKEND_LABELS
        )
        self._limit = GaugeMetricFamily(
            "tidegate_backend_connections_limit",
            "Connections that may be open at once; there is no series without a limit.",
            labels=BACKEND_LABELS,
        )
        self._total = CounterMetricFamily("tidegate_backend_connections", "Connections opened.", labels=BACKEND_LABELS)
        self._failures = CounterMetricFamily(
            "tidegate_backend_connect_failures", "Dials that failed.", labels=(*BACKEND_LABELS, "reason")
        )
        self._sent = CounterMetricFamily(
            "tidegate_backend_sent_bytes", "Bytes sent to the backend, live.", labels=BACKEND_LABELS
        )
        self._received = CounterMetricFamily(
            "tidegate_backend_received_bytes", "Bytes received from the backend, live.", labels=BACKEND_LABELS
        )
        self._checks = CounterMetricFamily(
            "tidegate_backend_health_checks",
            "Probes by result: `success`, `failure`, or `skipped` because real traffic succeeds.",
            labels=(*BACKEND_LABELS, "result"),
        )
        self._ejections = CounterMetricFamily(
            "tidegate_backend_ejections", "Times ejected because of failures in a row.", labels=BACKEND_LABELS
        )
        self._since = GaugeMetricFamily(
            "tidegate_backend_last_transition_timestamp_seconds",
            "Unix time of the last change of state.",
            labels=BACKEND_LABELS,
        )

    def add(self, pool: LivePool, member: Member, read: "Reader") -> None:
        """Add one backend's samples."""
        labels = (pool.name, member.backend.name)
        self._up.add_metric(labels, member.state is State.UP)
        self._state.add_metric((*labels, member.state.value), 1)
        self._active.add_metric(labels, read(BackendCell.ACTIVE))
        if member.backend.max_connections:
            self._limit.add_metric(labels, member.backend.max_connections)
        self._total.add_metric(labels, read(BackendCell.TOTAL))
        for failure in ConnectFailure:
            self._failures.add_metric((*labels, failure.value), read(FAILURE_CELL[failure]))
        self._sent.add_metric(labels, read(BackendCell.SENT_BYTES))
        self._received.add_metric(labels, read(BackendCell.RECEIVED_BYTES))
        if record := pool.records.get(member.backend.name):
            self._checks.add_metric((*labels, "success"), record.passed)
            self._checks.add_metric((*labels, "failure"), record.failed)
            if pool.settings.health.skip_on_traffic:
                self._checks.add_metric((*labels, "skipped"), record.skipped)
        self._ejections.add_metric(labels, pool.ejections.totals[member.backend.name])
        self._since.add_metric(labels, member.since)

    def all(self) -> Iterator[Metric]:
        """The families, in the order of the documentation."""
        return iter(
            (
                self._up,
                self._state,
                self._active,
                self._limit,
                self._total,
                self._failures,
                self._sent,
                self._received,
                self._checks,
                self._ejections,
                self._since,
            )
        )


class Reader:
    """Reads one slot's numbers."""

    def __init__(self, process: Process, table: Table, slot: int) -> None:
        self._totals, self._table, self._slot = process.totals, table, slot

    def __call__(self, field: int) -> int:
        """One number over all workers."""
        return self._totals.total(self._table, self._slot, field)

    def histogram(self, first: int, bounds: tuple[float, ...]) -> tuple[list[int], float]:
        """The count of each bucket and the sum in seconds."""
        counts = [self(first + 1 + index) for index in range(len(bounds) + 1)]
        return counts, self(first) / 1e6


def _add_histogram(
    family: HistogramMetricFamily, pool: str, bounds: tuple[float, ...], counts: Iterable[int], total: float
) -> None:
    names = (*map(floatToGoString, bounds), "+Inf")
    family.add_metric((pool,), list(zip(names, accumulate(counts), strict=True)), total)
