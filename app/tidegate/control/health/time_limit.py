"""The timeout of a probe: like `asyncio.timeout`, without the time during which control's event loop stood still."""

import asyncio
from time import monotonic
from types import TracebackType

from tidegate.core.health.probe_time import Look, ProbeTime


class TimeLimit:
    """A context that raises TimeoutError in its block when the timeout of a probe, in seconds, is over."""

    def __init__(self, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._time = ProbeTime(timeout, monotonic())
        self._limit = asyncio.timeout(None)
        self._last = Look.GO_ON

    async def __aenter__(self) -> "TimeLimit":
        await self._limit.__aenter__()
        self._wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._limit.__aexit__(kind, error, traceback)

    @property
    def is_over(self) -> bool:
        """Whether the timeout has ended the block."""
        return self._limit.expired()

    @property
    def was_late(self) -> bool:
        """Whether control was so late that a failed probe proves nothing about the backend."""
        return self._last is Look.LATE or self._time.excuses(monotonic())

    def _wait(self) -> None:
        self._timer = self._loop.call_later(max(0.0, self._time.due - monotonic()), self._look)

    def _look(self) -> None:
        self._last = self._time.look(monotonic())
        if self._last is Look.GO_ON:
            self._wait()
        else:
            self._limit.reschedule(self._loop.time())
