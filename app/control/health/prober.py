"""Probes the backends of a pool, each at its own jittered times, and at once when a worker could not connect."""

import asyncio
import random
from time import monotonic

import structlog

from app.control.health.outcome import NoResourcesError, failure_of
from app.control.pools import LivePool
from app.control.spawn import spawn
from app.core.schedule import first_delay, next_delay, second_delay

COMPLAINT_INTERVAL = 10.0

_log = structlog.get_logger()

SHORTEST_PAUSE = 0.1
"""Seconds between two probes of a backend however often workers report failures."""


class Probers:
    """One task per backend of a pool that is checked."""

    def __init__(self, pool: LivePool) -> None:
        self._pool = pool
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hurry: dict[str, asyncio.Event] = {}
        self._next_complaint = 0.0

    def sync(self) -> None:
        """Probe exactly the backends that the pool has now."""
        members = self._pool.snapshot.members if self._pool.checked else {}
        for name in [name for name in self._tasks if name not in members]:
            self._tasks.pop(name).cancel()
            del self._hurry[name]
        for name in members:
            if name not in self._tasks:
                self._hurry[name] = asyncio.Event()
                self._tasks[name] = spawn(self._probe_forever(name), f"prober {self._pool.name} {name}")

    def hurry(self, name: str) -> None:
        """Probe this backend at once."""
        if event := self._hurry.get(name):
            event.set()

    def stop(self) -> None:
        """End all tasks."""
        for task in self._tasks.values():
            task.cancel()

    async def _probe_forever(self, name: str) -> None:
        interval = self._pool.settings.health.interval
        await asyncio.sleep(first_delay(interval, len(self._pool.snapshot.members), random.random()))
        delay = second_delay(interval, random.random())
        while True:
            started = monotonic()
            try:
                backend = self._pool.snapshot.members[name].backend
                failure = await failure_of(backend, self._pool.settings.health, self._pool.name)
            except NoResourcesError as error:
                self._complain(error)
            else:
                self._pool.probed(name, failure, monotonic() - started)
            await self._wait(name, started + delay)
            delay = next_delay(interval, random.random())

    def _complain(self, error: NoResourcesError) -> None:
        if monotonic() >= self._next_complaint:
            self._next_complaint = monotonic() + COMPLAINT_INTERVAL
            _log.error("probe_impossible", pool=self._pool.name, reason=str(error))

    async def _wait(self, name: str, until: float) -> None:
        hurry = self._hurry[name]
        hurry.clear()
        await asyncio.sleep(min(SHORTEST_PAUSE, max(0.0, until - monotonic())))
        try:
            async with asyncio.timeout(max(0.0, until - monotonic())):
                await hurry.wait()
        except TimeoutError:
            return
