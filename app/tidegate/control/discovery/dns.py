"""Keeps a pool's backends equal to the DNS records of a name, which it asks for again when their TTL ends.

While no server answers, the last backends stay. An answer without records, or that the name does not exist, means an empty
list: the Kubernetes DNS specification (2.4.1) requires it for a headless Service without ready pods. It counts only after
several such answers in a row, because a server that has no data yet may give the same answer.
"""

import asyncio
import random
from typing import TYPE_CHECKING, NamedTuple

from tidegate.control.discovery.dns_answers import AddressRecords, Found, SrvRecords
from tidegate.control.discovery.dns_client import DnsClient, LookUpError
from tidegate.control.discovery.interval import Interval
from tidegate.control.log import event_log
from tidegate.control.pools.live_pool import LivePool
from tidegate.core.backoff import Backoff
from tidegate.core.discovery.dns_records import SHORTEST_TTL, bounded_ttl
from tidegate.core.health.schedule import jittered_delay
from tidegate.settings.words import RecordType

if TYPE_CHECKING:
    from tidegate.settings.parts.dns import DnsSettings

EMPTY_ANSWERS = 3
"""This many empty answers in a row remove all backends."""


class Pauses(NamedTuple):
    """When to ask again: `retry` after an error; `doubt` seconds after an empty or incomplete answer."""

    retry: Backoff = Backoff(first=1.0, longest=10.0)
    doubt: float = 3.0


class DnsDiscovery:
    """The discovery of one pool from the records of its name."""

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
        """Ask forever. Pauses are jittered, so that replicas that started together drift apart."""
        while True:
            self._interval.begin()
            pause = await self._ask()
            if self._empty_answers:
                await asyncio.sleep(pause)  # failing backends must not speed up the series of empty answers
            else:
                await self._interval.wait(pause)

    def refresh(self, backend: str) -> None:  # noqa: ARG002  (all backends are of one name)
        """Ask again soon."""
        self._interval.cut_short()

    async def _ask(self) -> float:
        """Ask once and update the pool. Returns the seconds until the next time."""
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
        self._pool.discovery_failed()
        self._say("discovery_failed", reason)

    def _say(self, event: str, reason: str) -> None:
        """Log only news, because there may be an answer each second."""
        if self._said == (event, reason):
            return
        self._said = event, reason
        backends = len(self._pool.snapshot.members)
        fields = {"pool": self._pool.name, "source": "dns", "name": self._name, "backends": backends}
        if reason:
            event_log.warning(event, **fields, reason=reason)
        else:
            event_log.info(event, **fields)


def _jittered(seconds: float) -> float:
    return jittered_delay(seconds, random.random())


def _records(settings: "DnsSettings", client: DnsClient) -> AddressRecords | SrvRecords:
    name, port = settings.name or "", settings.port or 0
    return SrvRecords(client, name) if settings.type is RecordType.SRV else AddressRecords(client, name, settings.type, port)
