"""Unix time, and as people and logs read it."""

import time
from datetime import UTC, datetime
from functools import lru_cache


def now() -> float:
    """Seconds since the epoch."""
    return time.time()  # noqa: TID251  (the one place)


def iso(timestamp: float | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond."""
    if timestamp is None:
        return None
    second, microseconds = divmod(round(timestamp * 1e6), 1_000_000)
    return f"{_iso_second(second)}.{microseconds // 1000:03}Z"


@lru_cache(256)  # a report has many moments of few seconds
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[: len("2000-01-01T00:00:00")]
