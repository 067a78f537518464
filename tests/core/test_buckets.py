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
