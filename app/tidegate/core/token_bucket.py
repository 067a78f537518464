"""A token bucket: how many may pass at once, and how fast after that."""


class TokenBucket:
    """Lets pass at most `burst` + `rate` * seconds, in any time. Full at the start.

    Kept as the time when the bucket will be full again, as in the virtual scheduling of ITU-T I.371: nothing has to be
    filled up while nobody comes. Times in seconds of one clock that never goes backwards; `rate` is tokens per second.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1.0 / rate
        self._slack = (burst - 1) * self._interval
        self._full_at = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 when there is one."""
        return max(0.0, self._full_at - self._slack - now)

    def take(self, now: float) -> None:
        """Take a token, which must be there."""
        self._full_at = max(self._full_at, now) + self._interval
