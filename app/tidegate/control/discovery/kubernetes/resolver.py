"""Looks up the name of an API server by the shared look-ups of the process, where a slow name does not delay others."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from tidegate.control.discovery.look_ups import LookUps
from tidegate.core.address import Address


class Resolver(AbstractResolver):
    """Adapts the look-ups of the process to aiohttp."""

    def __init__(self, look_ups: LookUps) -> None:
        self._look_ups = look_ups

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """All addresses of a name, of `family` unless that is AF_UNSPEC. Raises OSError, which includes TimeoutError."""
        found = [_result(host, address, port) for address in await self._look_ups.find(Address(host, port))]
        return [result for result in found if family in {socket.AF_UNSPEC, result["family"]}]

    async def close(self) -> None:
        """Do nothing: the look-ups belong to the process."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST
    )
