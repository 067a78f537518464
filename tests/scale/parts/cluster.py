"""A cluster with one Service, whose endpoints change so many times a second."""

import asyncio
import itertools
import sys
from pathlib import Path
from time import monotonic

import uvloop

from tests.scale.parts.commands import Json, obey
from tests.support.api_server import ApiServer, running_api_server
from tests.support.slices import endpoint, endpoint_slice

EACH = 100  # endpoints of a slice, as in a real cluster
MARKERS = 10  # a second, at most
MOST_MARKERS = 10_000  # their numbers count down: with the policy `first`, the newest one gets all sessions


def marker_address(number: int) -> str:
    """The address of a marker. As text, that of a lower number comes first, and before those of all other endpoints."""
    return f"127.0.{100 + number // 100}.{100 + number % 100}"


class Service:
    """The Service: slices of endpoints that are all on this machine, and a slice whose only endpoint is the marker."""

    def __init__(self, server: ApiServer, port: int) -> None:
        self._server, self._port = server, port
        self._fresh = itertools.count(1 << 16)
        self._slices: list[list[str]] = []
        self._turn = itertools.count()
        self._marker = MOST_MARKERS

    async def fill(self, size: int) -> Json:
        """Have so many endpoints beside the marker."""
        addresses = [self._address() for _ in range(size)]
        slices = [addresses[start : start + EACH] for start in range(0, size, EACH)]
        gone, self._slices = range(len(slices), len(self._slices)), slices
        for number in range(len(slices)):
            await self._put(number)
        for number in gone:
            await self._server.delete(endpoint_slice(f"web-{number}"))
        await self._next_marker()
        return {"endpoints": size + 1}

    async def change(self, rate: int, seconds: float) -> Json:
        """Replace one endpoint after the other; each change is an event. When which marker came, and how long it took."""
        began, markers = monotonic(), []
        for number in range(round(rate * seconds)):
            early = began + number / rate - monotonic()
            await asyncio.sleep(max(0.0, early))
            if number % max(1, rate // MARKERS) == 0:
                markers.append((await self._next_marker(), monotonic()))
            else:
                await self._replace_one()
        return {"markers": markers, "seconds": monotonic() - began}

    async def names(self) -> Json:
        """All backends that there should be."""
        addresses = [address for addresses in self._slices for address in addresses]
        return {"names": [f"{address}:{self._port}" for address in (*addresses, marker_address(self._marker))]}

    def _address(self) -> str:
        number = next(self._fresh)
        return f"127.{number >> 16 & 127}.{number >> 8 & 255}.{number & 255}"

    async def _replace_one(self) -> None:
        turn = next(self._turn)
        number = turn % len(self._slices)
        addresses = self._slices[number]
        addresses[turn // len(self._slices) % len(addresses)] = self._address()
        await self._put(number)

    async def _put(self, number: int) -> None:
        await self._server.put(self._slice(f"web-{number}", self._slices[number]))

    async def _next_marker(self) -> str:
        self._marker -= 1
        address = marker_address(self._marker)
        await self._server.put(self._slice("marker", [address]))
        return address

    def _slice(self, name: str, addresses: list[str]) -> Json:
        pods = (endpoint(address, pod=f"pod-{address}") for address in addresses)
        return endpoint_slice(name, *pods, ports=[{"name": "http", "port": self._port}])


async def main() -> None:
    """Serve the API, for a Service whose port is given, with a kubeconfig at the path."""
    port, path = sys.argv[1:]
    async with running_api_server() as server:
        server.kubeconfig(Path(path))
        service = Service(server, int(port))
        await obey({"fill": service.fill, "change": service.change, "names": service.names})


if __name__ == "__main__":
    uvloop.run(main())
