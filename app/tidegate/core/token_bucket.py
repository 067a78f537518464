"""A token bucket: limits a rate and allows a burst."""


class TokenBucket:
    """In any period, at most `burst` + `rate` * seconds tokens can be taken. Full at the start.

    The only state is the time when the bucket will be full again, as in the virtual scheduling of ITU-T I.371, so no timer
    has to refill it. Times are seconds of one monotonic clock; `rate` is tokens per second.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1.0 / rate
        self._slack = (burst - 1) * self._interval
        self._full_at = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until a token is available; 0 when one is."""
        return max(0.0, self._full_at - self._slack - now)

    def take(self, now: float) -> None:
        """Take a token. The caller has checked that one is available."""
        self._full_at = max(self._full_at, now) + self._interval
