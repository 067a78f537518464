"""Probes the backends of a pool, each at its own jittered times, and at once when a worker could not connect."""

import asyncio
import os
import random
from errno import EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM
from time import monotonic

import structlog

from app.control.health import PROBES
from app.control.health.request import ProbeError, ProbeRequest
from app.control.pools import LivePool
from app.control.spawn import spawn
from app.core.address import Address
from app.core.backend import Backend
from app.core.schedule import first_delay, next_delay, second_delay
from app.settings.units import format_duration

NO_RESOURCES = frozenset({EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL})
COMPLAINT_INTERVAL = 10.0

_log = structlog.get_logger()

SHORTEST_PAUSE = 0.1
"""Seconds between two probes of a backend however often workers report failures."""


class NoResourcesError(Exception):
    """This process has no descriptor or memory for a probe, which says nothing about the backend."""


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
                failure = await self._probe(self._pool.snapshot.members[name].backend)
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

    async def _probe(self, backend: Backend) -> str | None:
        """Why the backend did not pass, or None. Raises NoResourcesError when it was not the backend that failed."""
        settings = self._pool.settings.health
        if not backend.host:
            return "the name cannot be resolved"
        request = ProbeRequest(Address(backend.host, settings.port or backend.port), backend.name, settings)
        try:
            async with asyncio.timeout(settings.timeout):
                await PROBES[settings.type](request)
        except TimeoutError:
            return f"no answer in {format_duration(settings.timeout)}"
        except ProbeError as error:
            return str(error)
        except OSError as error:
            if error.errno in NO_RESOURCES:
                raise NoResourcesError(_in_words(error)) from error
            return _in_words(error)
        except Exception as error:  # noqa: BLE001  (a bug in one kind of probe must not freeze the state of a backend)
            _log.error("internal_error", pool=self._pool.name, backend=backend.name, exc_info=error)
            return "internal error; the log has the details"
        return None


def _in_words(error: OSError) -> str:
    """The system's own words, not the library's: the address is known, the reader wants the reason."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return error.strerror or str(error) or type(error).__name__
