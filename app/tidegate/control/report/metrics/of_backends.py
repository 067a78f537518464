"""The metrics of a backend. They exist while it belongs to its pool or still has connections."""

from collections.abc import Iterator, Sequence

from tidegate.control.report.metrics.metric import ByLabel, Labels, Metric, Single, cell, cells
from tidegate.control.report.views import BackendView, PoolView
from tidegate.control.totals import Totals
from tidegate.core.pools.backend import State
from tidegate.link.board import FAILURE_CELL, BackendCell

LABELS = ("pool", "backend")

UP = State.UP


def backends(views: Sequence[PoolView], totals: Totals) -> Iterator[tuple[Labels, BackendView]]:
    """All known backends with their labels."""
    of_pool, of_backend = LABELS
    for pool in views:
        labels = Labels.of((of_pool,), (pool.pool.name,))
        for backend in pool.backends(totals):
            yield labels.further(of_backend, backend.member.backend.name), backend


def _checks(backend: BackendView) -> Iterator[tuple[str, int]]:
    if record := backend.record:
        yield "success", record.passed
        yield "failure", record.failed
        if backend.pool.settings.health.skip_on_traffic:
            yield "skipped", record.skipped
        if record.late:
            yield "late", record.late


METRICS: tuple[Metric[BackendView], ...] = (
    Single("tidegate_backend_up", "gauge", "1 when in state up, else 0.", lambda backend: int(backend.member.state is UP)),
    ByLabel(
        "tidegate_backend_state",
        "gauge",
        "1 for the current state; there is no series for the others.",
        "state",
        lambda backend: ((backend.member.state, 1),),
    ),
    Single(
        "tidegate_backend_connections_active",
        "gauge",
        "Connections open or being opened now.",
        cell(BackendCell.ACTIVE),
    ),
    Single(
        "tidegate_backend_connections_limit",
        "gauge",
        "Connections that may be open at once; there is no series without a limit.",
        lambda backend: backend.member.backend.max_connections or None,
    ),
    Single("tidegate_backend_connections_total", "counter", "Connections opened.", cell(BackendCell.TOTAL)),
    ByLabel(
        "tidegate_backend_connect_failures_total",
        "counter",
        "Dials that failed.",
        "reason",
        cells(FAILURE_CELL.items()),
    ),
    Single("tidegate_backend_sent_bytes_total", "counter", "Bytes sent to the backend, live.", cell(BackendCell.SENT_BYTES)),
    Single(
        "tidegate_backend_received_bytes_total",
        "counter",
        "Bytes received from the backend, live.",
        cell(BackendCell.RECEIVED_BYTES),
    ),
    ByLabel(
        "tidegate_backend_health_checks_total",
        "counter",
        "Probes by result: `success`, `failure`, `skipped` because real traffic succeeds, or `late`: control itself was.",
        "result",
        _checks,
    ),
    Single(
        "tidegate_backend_ejections_total",
        "counter",
        "Times ejected because of failures in a row.",
        lambda backend: backend.pool.ejections.totals[backend.member.backend.name],
    ),
    Single(
        "tidegate_backend_last_transition_timestamp_seconds",
        "gauge",
        "Unix time of the last change of state.",
        lambda backend: backend.member.since,
    ),
)
