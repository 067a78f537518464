"""The metrics of a pool."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tidegate.control.pools.live_pool import LivePool
from tidegate.control.report.metrics.metric import ByLabel, Histogram, Labels, Metric, Single, cell, cells
from tidegate.control.report.views import PoolView
from tidegate.control.totals import Totals
from tidegate.core.buckets import CONNECT_BUCKETS, DURATION_BUCKETS, PROBE_BUCKETS
from tidegate.core.reasons import CloseReason
from tidegate.link.board import CLOSED_CELL, POOLS, PoolCell

LABELS = ("pool",)


@dataclass(frozen=True, slots=True)
class PoolNumbers:
    """A pool, and its numbers over all workers, indexed by PoolCell."""

    view: PoolView
    cells: Sequence[int]

    @property
    def pool(self) -> LivePool:
        """The pool itself."""
        return self.view.pool


def pools(views: Sequence[PoolView], totals: Totals) -> Iterator[tuple[Labels, PoolNumbers]]:
    """All pools with their labels."""
    for view in views:
        yield Labels.of(LABELS, (view.pool.name,)), PoolNumbers(view, totals.of_slot(POOLS, view.pool.slot))


def _durations(first: int, bounds: tuple[float, ...]) -> Callable[[PoolNumbers], tuple[Sequence[int], float]]:
    """A reader of a histogram on the stats board: its sum in microseconds, followed by the count of each bucket."""
    return lambda pool: (pool.cells[first + 1 : first + 2 + len(bounds)], pool.cells[first] / 1e6)


METRICS: tuple[Metric[PoolNumbers], ...] = (
    ByLabel(
        "tidegate_pool_backends", "gauge", "Backends by state.", "state", lambda pool: pool.view.count_by_state().items()
    ),
    Single(
        "tidegate_pool_panic",
        "gauge",
        "1 while routing ignores the health of the backends, else 0.",
        lambda pool: int(pool.view.snapshot.panic),
    ),
    ByLabel(
        "tidegate_connections_closed_total",
        "counter",
        "Sessions ended, by close reason.",
        "reason",
        cells(CLOSED_CELL.items()),
    ),
    Single("tidegate_pool_queued", "gauge", "Clients that wait for a place on a backend.", cell(PoolCell.QUEUED)),
    Single(
        "tidegate_pool_affinity_clients",
        "gauge",
        "Client addresses whose backend is remembered.",
        lambda pool: pool.pool.affinity.clients if pool.pool.affinity else None,
    ),
    ByLabel(
        "tidegate_relayed_bytes_total",
        "counter",
        "Bytes moved, by `path`: `copy` or `splice`, live.",
        "path",
        cells((("copy", PoolCell.COPIED_BYTES), ("splice", PoolCell.SPLICED_BYTES))),
    ),
    Histogram(
        "tidegate_connect_duration_seconds",
        "histogram",
        "Time to connect to a backend.",
        CONNECT_BUCKETS,
        _durations(PoolCell.CONNECT, CONNECT_BUCKETS),
    ),
    Histogram(
        "tidegate_connection_duration_seconds",
        "histogram",
        "Age of ended sessions.",
        DURATION_BUCKETS,
        _durations(PoolCell.DURATION, DURATION_BUCKETS),
    ),
    Histogram(
        "tidegate_health_check_duration_seconds",
        "histogram",
        "Time a probe took.",
        PROBE_BUCKETS,
        lambda pool: (pool.pool.probe_seconds.counts, pool.pool.probe_seconds.sum),
    ),
    ByLabel(
        "tidegate_discovery_synced",
        "gauge",
        "1 when the source of backends has spoken.",
        "source",
        lambda pool: [(pool.pool.discovery.source, int(pool.pool.discovery.synced))],
    ),
    ByLabel(
        "tidegate_discovery_last_sync_timestamp_seconds",
        "gauge",
        "Unix time when the list of backends was last confirmed.",
        "source",
        lambda pool: [(pool.pool.discovery.source, moment)] if (moment := pool.pool.discovery.last_sync) is not None else [],
    ),
    Single(
        "tidegate_rebalance_closed_total",
        "counter",
        "Sessions closed because their backend had too many.",
        cell(CLOSED_CELL[CloseReason.REBALANCE]),
    ),
    Single(
        "tidegate_rebalance_dry_run_total",
        "counter",
        "Sessions that a dry run of rebalancing would have closed.",
        lambda pool: pool.pool.rebalance_dry_run,
    ),
)
