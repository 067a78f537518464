"""The time between two look-ups of a name: as long as its source says, and cut short when a backend cannot be reached."""

import asyncio
from contextlib import suppress
from time import monotonic

SHORTEST = 1.0
"""Seconds from the start of a look-up to that of the next one, however often backends fail."""


class Interval:
    """Of one name. A refresh that is asked for while a look-up is under way is followed by another look-up: what the first
    one finds may be older than the failure."""

    def __init__(self, shortest: float = SHORTEST) -> None:
        self._shortest = shortest
        self._began = 0.0
        self._refresh = asyncio.Event()

    def begin(self) -> None:
        """A look-up begins now."""
        self._began = monotonic()
        self._refresh.clear()

    def cut_short(self) -> None:
        """Look up as soon as may be."""
        self._refresh.set()

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until a refresh is asked for and the shortest time has passed since the last look-up began."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._refresh.wait()
                await asyncio.sleep(self._began + self._shortest - monotonic())
