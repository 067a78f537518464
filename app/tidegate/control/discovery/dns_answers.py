"""Turns DNS answers about a name into backends: from its addresses, or from its SRV records and their targets."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from tidegate.control.discovery.dns_client import Addresses, DnsClient, LookUpError
from tidegate.core.address import alternating, is_ip
from tidegate.core.discovery.dns_records import address_backends, in_order, target_backends
from tidegate.core.pools.backend import Backend

QUESTIONS_AT_ONCE = 16
TARGETS_TIMEOUT = 10.0
"""Seconds for the addresses of all targets together. Targets without an answer by then keep their last addresses."""


class Found(NamedTuple):
    """The backends of one answer; `ttl` in seconds. `absence` says why there are none, `missing` which have no address."""

    backends: list[Backend]
    ttl: float
    absence: str = ""
    missing: str = ""


class AddressRecords:
    """Address records: each IP address is a backend, all with the same port."""

    def __init__(self, client: DnsClient, name: str, kind: str, port: int) -> None:
        self._client, self._name, self._kind, self._port = client, name, kind, port

    async def find(self) -> Found:
        """Ask once. Raises LookUpError."""
        answer = await self._client.addresses(self._name, self._kind)
        return Found(address_backends(answer.addresses, self._port), answer.ttl, answer.absence)


class SrvRecords:
    """SRV records: each target is a backend, dialled at one of its addresses, IPv4 first, like any host name.

    A target keeps its last addresses when they cannot be found any more.
    """

    def __init__(self, client: DnsClient, name: str) -> None:
        self._client, self._name = client, name
        self._hosts: dict[str, list[str]] = {}

    async def find(self) -> Found:
        """Ask once. Raises LookUpError for the SRV records, but not for the address of a target: see `missing`."""
        answer = await self._client.targets(self._name)
        names = sorted({target.host for target in answer.targets})
        known = answer.addresses | {name: [name] for name in names if is_ip(name)}
        asked = await self._ask(name for name in names if name not in known)
        missing = [(name, reply.absence) for name, reply in asked.items() if not reply.addresses]
        found = {name: known.get(name) or asked[name].addresses for name in names}
        self._hosts = {
            name: alternating(in_order(found[name])) if found[name] else self._hosts.get(name, []) for name in names
        }
        ttl = min([answer.ttl, *(reply.ttl for reply in asked.values() if reply.addresses)])
        return Found(target_backends(answer.targets, self._hosts), ttl, answer.absence, _missing(missing))

    async def _ask(self, names: Iterable[str]) -> dict[str, Addresses]:
        """The addresses of each name, as far as they are found in time."""
        answers = {name: Addresses([], absence=f"no answer in {TARGETS_TIMEOUT:g}s") for name in names}
        limit = asyncio.Semaphore(QUESTIONS_AT_ONCE)

        async def ask(name: str) -> None:
            async with limit:
                try:
                    answers[name] = await self._client.addresses(f"{name}.")
                except LookUpError as error:
                    answers[name] = Addresses([], absence=str(error))

        with suppress(TimeoutError):
            async with asyncio.timeout(TARGETS_TIMEOUT):
                await asyncio.gather(*map(ask, list(answers)))
        return answers


def _missing(targets: list[tuple[str, str]]) -> str:
    if not targets:
        return ""
    name, reason = targets[0]
    return f"{len(targets)} targets without an address, the first is {name}: {reason}"
