"""Backends from the settings. Control looks up their host names repeatedly; workers never do.

A host name is one backend, at one of its addresses: the first of the system's answer, until a probe or a client finds that
another one works instead. The backend keeps its address while that is still in the answer, or while look-ups fail.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tidegate.control.discovery.interval import Interval
from tidegate.control.log import event_log
from tidegate.control.pools.live_pool import LivePool
from tidegate.core.address import Address
from tidegate.core.health.schedule import jittered_delay
from tidegate.core.pools.backend import Backend
from tidegate.core.shortening import shortened

if TYPE_CHECKING:
    from tidegate.settings.parts.backend import BackendSettings

RETRY_INTERVAL = 3.0
LONGEST_REASON = 300

LookUp = Callable[[Address], Awaitable[list[str]]]


class StaticDiscovery:
    """The discovery of one pool whose backends are in the settings. Their names may move to other addresses."""

    def __init__(self, pool: LivePool, look_up: LookUp, interval: float | None = None) -> None:
        self._pool = pool
        self._look_up, self._seconds = look_up, interval or pool.settings.dns.max_interval
        self._backends = pool.settings.backends
        self._intervals = {str(entry.address): Interval() for entry in self._backends if not entry.address.is_resolved}
        self._resolved: dict[Address, list[str]] = {}
        self._failing: dict[Address, str] = {}
        self._publishing = False

    async def run(self) -> None:
        """Give the pool its backends, and update them when an address changes. Ends only if there are no host names.

        A host name joins the pool after its first look-up, even if that failed. A slow name does not delay other backends.
        """
        self._publish()
        names = [entry.address for entry in self._backends if not entry.address.is_resolved]
        await asyncio.gather(*map(self._follow, names))

    def refresh(self, backend: str) -> None:
        """Look up the backend's name again soon."""
        if interval := self._intervals.get(backend):
            interval.cut_short()

    async def _follow(self, name: Address) -> None:
        """Look up one name forever. Each name has its own task, so that a slow or unknown name does not delay another."""
        interval = self._intervals[str(name)]
        while True:
            interval.begin()
            await self._resolve(name)
            seconds = min(RETRY_INTERVAL, self._seconds) if name in self._failing else self._seconds
            await interval.wait(jittered_delay(seconds, random.random()))

    def _publish_soon(self) -> None:
        """Publish once for all names that are resolved in the same turn of the event loop."""
        if not self._publishing:
            self._publishing = True
            asyncio.get_running_loop().call_soon(self._publish)

    def _publish(self) -> None:
        self._publishing = False
        known = [(order, entry) for order, entry in enumerate(self._backends) if self._is_known(entry.address)]
        synced = len(known) == len(self._backends) and not self._failing
        backends = (_backend(order, entry, self._resolved) for order, entry in known)
        reasons = "; ".join(f"{name}: {why}" for name, why in self._failing.items())
        self._pool.discovered(backends, synced=synced, reason=shortened(reasons, LONGEST_REASON))

    def _is_known(self, address: Address) -> bool:
        return address.is_resolved or address in self._resolved or address in self._failing

    async def _resolve(self, name: Address) -> None:
        try:
            addresses = await self._look_up(name)
        except (OSError, TimeoutError) as error:
            self._pool.discovery_failed()
            reason = "no answer" if isinstance(error, TimeoutError) else str(error.strerror)
            if name not in self._failing:
                self._publish_soon()
                event_log.warning("discovery_failed", pool=self._pool.name, source="static", name=str(name), reason=reason)
            self._failing[name] = reason
            return
        if name in self._failing:
            del self._failing[name]
            event_log.info("discovery_synced", pool=self._pool.name, source="static", name=str(name))
        self._resolved[name] = addresses
        self._publish_soon()


def _backend(order: int, entry: "BackendSettings", resolved: dict[Address, list[str]]) -> Backend:
    host, *others = [entry.address.host] if entry.address.is_resolved else resolved.get(entry.address, [""])
    return Backend(
        str(entry.address),
        host,
        entry.address.port,
        entry.weight,
        entry.max_connections,
        backup=entry.backup,
        order=order,
        no_check=entry.no_check,
        others=tuple(others),
    )
