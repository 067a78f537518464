"""The wait between two look-ups of a name, which is cut short when a backend cannot be reached."""

import asyncio
from contextlib import suppress
from time import monotonic

SHORTEST = 1.0
"""The least seconds from the start of a look-up to the start of the next, however often backends fail."""


class Interval:
    """The interval of one name. A refresh during a look-up causes another look-up, because the answer of the first may be
    older than the failure."""

    def __init__(self, shortest: float = SHORTEST) -> None:
        self._shortest = shortest
        self._began = 0.0
        self._refresh = asyncio.Event()

    def begin(self) -> None:
        """Note that a look-up begins now."""
        self._began = monotonic()
        self._refresh.clear()

    def cut_short(self) -> None:
        """End the current or the next wait as soon as the shortest interval allows."""
        self._refresh.set()

    async def wait(self, seconds: float) -> None:
        """Wait so many seconds; less after `cut_short`, but at least the shortest interval since the last look-up began."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._refresh.wait()
                await asyncio.sleep(self._began + self._shortest - monotonic())
