"""Backends from DNS records, asked for again at the end of their time to live.

What no server answers changes nothing: the last backends stay. An answer without records, or that the name does not exist,
is an empty list: it is what the Kubernetes DNS specification (2.4.1) wants for a headless Service without ready pods. It is
believed only when it has come several times in a row, for a server that knows nothing yet may say it, too.
"""

import asyncio
import random
from typing import NamedTuple

import structlog

from tidegate.control.discovery.dns_client import DnsClient, LookUpError
from tidegate.control.discovery.dns_records import AddressRecords, Found, SrvRecords
from tidegate.control.discovery.interval import Interval
from tidegate.control.pools.live_pool import LivePool
from tidegate.core.backoff import Backoff
from tidegate.core.discovery.dns_records import SHORTEST_TTL, bounded_ttl
from tidegate.core.health.schedule import jittered_delay
from tidegate.settings import DnsSettings, RecordType

EMPTY_ANSWERS = 3
"""So many in a row take the backends away."""

_log = structlog.get_logger()


class Pauses(NamedTuple):
    """When to ask again: after trouble, and in seconds after an answer that is empty or not whole."""

    retry: Backoff = Backoff(first=1.0, longest=10.0)
    doubt: float = 3.0


class DnsDiscovery:
    """Keeps a pool's backends as the records of its name say."""

    def __init__(self, pool: LivePool, client: DnsClient | None = None, pauses: Pauses | None = None) -> None:
        settings = pool.settings.dns
        self._pool, self._name = pool, settings.name
        self._records = _records(settings, client or DnsClient(settings.resolver, timeout=settings.timeout))
        self._pauses = pauses or Pauses()
        self._retry = self._pauses.retry
        self._empty_answers = 0
        self._said = ("", "")
        self._interval = Interval()
        self._longest = settings.max_interval

    async def run(self) -> None:
        """Ask for ever; pauses are jittered, so that replicas that started together do not keep asking together."""
        while True:
            self._interval.begin()
            pause = await self._ask()
            if self._empty_answers:
                await asyncio.sleep(pause)  # the answers to be believed are not to come faster because backends fail
            else:
                await self._interval.wait(pause)

    def refresh(self, backend: str) -> None:  # noqa: ARG002  (one name has them all)
        """Ask again."""
        self._interval.cut_short()

    async def _ask(self) -> float:
        """Ask once, tell the pool, and answer the seconds until the next time."""
        try:
            found = await self._records.find()
        except LookUpError as error:
            self._empty_answers = 0
            self._retry = self._retry.after_run(0.0)
            self._keep(str(error))
            return _jittered(self._retry.pause)
        self._retry = self._pauses.retry
        self._empty_answers = 0 if found.backends else self._empty_answers + 1
        if found.backends or self._empty_answers >= EMPTY_ANSWERS or not self._pool.snapshot.members:
            self._take(found)
        is_whole = found.backends and not found.missing
        return (
            max(SHORTEST_TTL, _jittered(bounded_ttl(found.ttl, self._longest)))
            if is_whole
            else _jittered(self._pauses.doubt)
        )

    def _keep(self, reason: str) -> None:
        known = [member.backend for member in self._pool.snapshot.members.values()]
        self._pool.discovered(known, synced=False, reason=reason)
        self._fail(reason)

    def _take(self, found: Found) -> None:
        self._pool.discovered(found.backends, synced=not found.missing, reason=found.missing or found.absence)
        if found.missing:
            self._fail(found.missing)
            return
        self._say("discovery_synced", self._pool.discovery.reason or "")

    def _fail(self, reason: str) -> None:
        self._pool.discovery.events["failed"] += 1
        self._say("discovery_failed", reason)

    def _say(self, event: str, reason: str) -> None:
        """Only what is new: there may be an answer each second."""
        if self._said == (event, reason):
            return
        self._said = event, reason
        log = _log.bind(pool=self._pool.name, source="dns", name=self._name, backends=len(self._pool.snapshot.members))
        if reason:
            log.warning(event, reason=reason)
        else:
            log.info(event)


def _jittered(seconds: float) -> float:
    return jittered_delay(seconds, random.random())


def _records(settings: DnsSettings, client: DnsClient) -> AddressRecords | SrvRecords:
    name, port = settings.name or "", settings.port or 0
    return SrvRecords(client, name) if settings.type is RecordType.SRV else AddressRecords(client, name, settings.type, port)
