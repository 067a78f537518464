"""How many a token bucket lets pass, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.token_bucket import TokenBucket

RATES = st.floats(0.1, 10_000)
BURSTS = st.integers(1, 1000)
ROUNDING = 1e-6


@given(RATES, BURSTS, st.lists(st.tuples(st.floats(0, 3), st.integers(1, 50)), max_size=30))
def test_in_any_time_at_most_the_burst_and_what_the_rate_gives_pass(
    rate: float, burst: int, arrivals: list[tuple[float, int]]
) -> None:
    bucket, now, passed = TokenBucket(rate, burst), 0.0, []
    for pause, count in arrivals:
        now += pause / rate
        for _ in range(count):
            if not bucket.wait(now):
                bucket.take(now)
                passed.append(now)
    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + rate * (passed[last] - start) + ROUNDING


@given(RATES, BURSTS)
def test_the_burst_passes_at_once_and_then_one_per_interval(rate: float, burst: int) -> None:
    bucket, now = TokenBucket(rate, burst), 100.0
    for _ in range(burst):
        assert bucket.wait(now) == pytest.approx(0, abs=ROUNDING)
        bucket.take(now)
    for _ in range(20):
        wait = bucket.wait(now)
        assert wait == pytest.approx(1 / rate)
        now += wait
        assert bucket.wait(now) == pytest.approx(0, abs=ROUNDING)
        bucket.take(now)


def test_a_pause_fills_the_bucket_up_to_the_burst_and_no_further() -> None:
    bucket = TokenBucket(10, 3)
    for now in (0.0, 1000.0):
        for _ in range(3):
            assert bucket.wait(now) == 0
            bucket.take(now)
        assert bucket.wait(now) == pytest.approx(0.1)
