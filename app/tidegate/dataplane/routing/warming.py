"""The backends of a pool that warm up, and the one timer that lets their weights grow. See `core/pools/slow_start.py`."""

from collections.abc import Callable, Hashable
from math import inf
from time import monotonic
from typing import Generic, Protocol, TypeVar

from tidegate.core.pools.slow_start import SCALE, STEPS, parts
from tidegate.dataplane.loop.poller import Poller

SHORTEST_STEP = 0.05  # seconds


class WarmingBackend(Hashable, Protocol):
    """A backend that may have just come up."""

    full_weight: int
    weight: int
    warming_since: float | None


B = TypeVar("B", bound=WarmingBackend)


class SlowStart(Generic[B]):
    """Without a duration all weights are as they were given; with one they all count in parts, SCALE of them to each.

    `reweigh(backend, weight)` gives a backend that is in use another weight. Times are of the monotonic clock, in seconds.
    """

    def __init__(self, poller: Poller, reweigh: Callable[[B, int], None]) -> None:
        self._poller, self._reweigh = poller, reweigh
        self._warming: dict[B, None] = {}
        self._ticking = False
        self._duration = 0.0

    def configure(self, duration: float) -> None:
        """Change the duration, in seconds; a backend warms up again only when it is admitted anew."""
        self._duration = duration
        self._warming.clear()

    def admit(self, backend: B) -> None:
        """Give a backend that is about to be used its weight, and let that grow from now on if it has just come up."""
        if not self._duration:
            backend.weight = backend.full_weight
            return
        backend.weight = self._weight(backend, monotonic())
        if backend.weight < backend.full_weight * SCALE:
            self._warming[backend] = None
            self._tick()

    def withdraw(self, backend: B) -> None:
        """It is not used any more."""
        self._warming.pop(backend, None)

    def _weight(self, backend: B, now: float) -> int:
        warm_for = inf if backend.warming_since is None else now - backend.warming_since
        return backend.full_weight * parts(warm_for, self._duration)

    def _tick(self) -> None:
        if self._warming and not self._ticking:
            self._ticking = True
            self._poller.call_later(max(SHORTEST_STEP, self._duration / STEPS), self._grow, self._stop_ticking)

    def _stop_ticking(self) -> None:
        self._ticking = False

    def _grow(self) -> None:
        now = monotonic()
        for backend in list(self._warming):
            weight = self._weight(backend, now)
            if weight > backend.weight:
                self._reweigh(backend, weight)
            if weight == backend.full_weight * SCALE:
                del self._warming[backend]
        self._ticking = False
        self._tick()
