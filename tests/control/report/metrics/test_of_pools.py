"""The metrics of a pool: each number is the one that its name says."""

from collections.abc import Iterator

import pytest
from prometheus_client.utils import floatToGoString

from tests.support.reports import by_label, count_distinctly, number_of, process_of
from tidegate.control import clock
from tidegate.control.process import Process
from tidegate.core.buckets import CONNECT_BUCKETS, DURATION_BUCKETS, PROBE_BUCKETS
from tidegate.core.pools.backend import Backend
from tidegate.core.reasons import CloseReason
from tidegate.link.board import CLOSED_CELL, POOLS, PoolCell
from tidegate.link.messages import AffinityEntry
from tidegate.settings.parts.pool import PoolSettings

BACKENDS = [Backend(f"10.0.0.{number}:80", f"10.0.0.{number}", 80) for number in range(1, 4)]


@pytest.fixture
def process() -> Iterator[Process]:
    with process_of(BACKENDS) as process:
        yield process


def counted(process: Process) -> list[int]:
    return count_distinctly(process, POOLS, process.pools["chat"].slot)


def test_ended_sessions_are_counted_by_their_reason_and_those_of_rebalancing_also_alone(process: Process) -> None:
    numbers = counted(process)
    expected = {str(reason): numbers[cell] for reason, cell in CLOSED_CELL.items()}
    assert by_label(process, "tidegate_connections_closed_total", "reason", pool="chat") == expected
    assert number_of(process, "tidegate_rebalance_closed_total", pool="chat") == expected[CloseReason.REBALANCE]


def test_clients_in_the_queue_and_bytes_on_each_way_are_under_their_own_names(process: Process) -> None:
    numbers = counted(process)
    assert number_of(process, "tidegate_pool_queued", pool="chat") == numbers[PoolCell.QUEUED]
    paths = {"copy": numbers[PoolCell.COPIED_BYTES], "splice": numbers[PoolCell.SPLICED_BYTES]}
    assert by_label(process, "tidegate_relayed_bytes_total", "path", pool="chat") == paths


@pytest.mark.parametrize(
    ("name", "cell", "bounds"),
    [
        ("tidegate_connect_duration_seconds", PoolCell.CONNECT, CONNECT_BUCKETS),
        ("tidegate_connection_duration_seconds", PoolCell.DURATION, DURATION_BUCKETS),
    ],
)
def test_a_histogram_has_all_of_its_buckets_and_its_sum_in_seconds(
    process: Process, name: str, cell: PoolCell, bounds: tuple[float, ...]
) -> None:
    numbers = counted(process)
    total, *counts = numbers[cell : cell + len(bounds) + 2]
    sums = [sum(counts[: length + 1]) for length in range(len(counts))]
    names = [*map(floatToGoString, bounds), "+Inf"]
    assert by_label(process, f"{name}_bucket", "le", pool="chat") == dict(zip(names, sums, strict=True))
    assert number_of(process, f"{name}_count", pool="chat") == sums[-1]
    assert number_of(process, f"{name}_sum", pool="chat") == total / 1e6


def test_the_time_that_probes_took_is_a_histogram(process: Process) -> None:
    for seconds in (0.001, 0.002, 60.0):
        process.pools["chat"].probed(BACKENDS[0].name, None, seconds)
    counts = [1, *[2] * (len(PROBE_BUCKETS) - 1), 3]
    assert list(by_label(process, "tidegate_health_check_duration_seconds_bucket", "le").values()) == counts
    assert number_of(process, "tidegate_health_check_duration_seconds_sum", pool="chat") == 60.003


def test_backends_are_counted_by_state_and_panic_is_said(process: Process) -> None:
    pool = process.pools["chat"]
    pool.configure(PoolSettings.model_validate({"backends": "10.0.0.1:80", "health": {"fall": 1}, "panic_threshold": 100}))
    pool.probed(BACKENDS[0].name, None, 0.001)
    pool.probed(BACKENDS[1].name, "refused", 0.001)
    states = {"up": 1, "down": 1, "checking": 1, "draining": 0, "ejected": 0}
    assert by_label(process, "tidegate_pool_backends", "state", pool="chat") == states
    assert number_of(process, "tidegate_pool_panic", pool="chat") == 0
    pool.settle()
    assert number_of(process, "tidegate_pool_panic", pool="chat") == 1


def test_clients_are_counted_where_there_is_affinity(process: Process) -> None:
    pool, name = process.pools["chat"], "tidegate_pool_affinity_clients"
    assert number_of(process, name, pool="chat") is None
    pool.configure(PoolSettings.model_validate({"backends": "10.0.0.1:80", "affinity": {"ttl": "1m"}}))
    assert number_of(process, name, pool="chat") == 0
    assert pool.affinity is not None
    pool.affinity.learned([AffinityEntry(f"10.1.0.{number}", BACKENDS[0].name, 0.0) for number in range(2)], pool.records)
    assert number_of(process, name, pool="chat") == 2


def test_whether_and_when_discovery_was_in_sync_is_said_with_its_source(process: Process) -> None:
    pool, labels = process.pools["chat"], {"pool": "chat", "source": "static"}
    assert number_of(process, "tidegate_discovery_synced", **labels) == 1
    last = number_of(process, "tidegate_discovery_last_sync_timestamp_seconds", **labels)
    assert last is not None
    assert clock.now() - 60 < last <= clock.now()
    pool.discovery_reported(synced=False)
    assert number_of(process, "tidegate_discovery_synced", **labels) == 0
    assert number_of(process, "tidegate_discovery_last_sync_timestamp_seconds", **labels) == last
    pool.discovery.last_sync = None
    assert number_of(process, "tidegate_discovery_last_sync_timestamp_seconds", **labels) is None


def test_what_a_dry_run_of_rebalancing_would_have_closed_is_counted(process: Process) -> None:
    process.pools["chat"].rebalance_tried(7)
    assert number_of(process, "tidegate_rebalance_dry_run_total", pool="chat") == 7
    assert number_of(process, "tidegate_rebalance_closed_total", pool="chat") == 0
