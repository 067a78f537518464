"""Histogram buckets."""

from itertools import pairwise

import pytest

from tidegate.core.buckets import CONNECT_BUCKETS, DURATION_BUCKETS, PROBE_BUCKETS


@pytest.mark.parametrize(
    ("buckets", "seconds"),
    [
        pytest.param(CONNECT_BUCKETS, (0.0005, 5), id="connect-up-to-the-default-timeout"),
        pytest.param(DURATION_BUCKETS, (0.1, 86400), id="duration-up-to-a-day"),
        pytest.param(PROBE_BUCKETS, (0.001, 10), id="probe"),
    ],
)
def test_buckets_rise_over_the_range_that_matters(buckets: tuple[float, ...], seconds: tuple[float, float]) -> None:
    assert all(lower < upper for lower, upper in pairwise(buckets))
    assert (buckets[0], buckets[-1]) == seconds


def test_the_bounds_are_those_that_recorded_series_have() -> None:
    """Other bounds would begin other series, and break queries of dashboards over the time of an update."""
    assert list(CONNECT_BUCKETS) == [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
    minute, hour = 60, 3600
    assert list(DURATION_BUCKETS) == [0.1, 1, 5, 15, minute, 5 * minute, 15 * minute, hour, 4 * hour, 12 * hour, 24 * hour]
    assert list(PROBE_BUCKETS) == [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
