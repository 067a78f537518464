"""`make bench-kubernetes`: a Service of 5,000 endpoints in 50 slices: first sync, one change, a rollout of all, memory."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.table import Table

from tests.support.api_server import ApiServer, running_api_server
from tests.support.memory import proportional_set_size
from tests.support.proxy import Proxy, running_proxy
from tests.support.slices import Json, endpoint, endpoint_slice
from tests.support.waiting import until

SLICES, EACH = 50, 100
PORT = 8000


def full_slice(number: int, generation: int, count: int = EACH) -> Json:
    """One slice whose addresses no other slice and no other generation has."""
    addresses = (f"10.{generation}.{number}.{host + 1}" for host in range(count))
    pods = [endpoint(address, pod=f"web-{generation}-{number}-{host}") for host, address in enumerate(addresses)]
    return endpoint_slice(f"slice-{number}", *pods, ports=[{"name": "http", "port": PORT}])


async def slowest_health(proxy: Proxy, work: Callable[[], Awaitable[object]]) -> float:
    """Seconds of the slowest answer of `/healthz` while something is done."""
    done = asyncio.ensure_future(work())
    slowest = 0.0
    while not done.done():
        started = monotonic()
        assert (await proxy.get("/healthz"))[0] == 200
        slowest = max(slowest, monotonic() - started)
        await asyncio.sleep(0.01)
    await done
    return slowest


async def wait_for(proxy: Proxy, **fields: object) -> float:
    """Seconds until a backend is in the log and with the workers.

    Control has told them by then, and they answer what they are asked in the order in which they are told.
    """
    started = monotonic()
    await proxy.event("backend_added", seconds=60, after=max(0, len(proxy.log) - 50), **fields)
    assert (await proxy.get("/connections?limit=1"))[0] == 200
    return monotonic() - started


async def replace_all(server: ApiServer, proxy: Proxy) -> None:
    """A rollout that replaces every endpoint, as fast as the server takes it."""
    for number in range(SLICES):
        await server.put(full_slice(number, 2))
        await asyncio.sleep(0)
    await proxy.event("backend_added", pod=f"web-2-{SLICES - 1}-{EACH - 1}", seconds=60)
    await until(lambda: len(proxy.events("backend_removed")) >= SLICES * EACH, seconds=60)


async def measure() -> list[tuple[str, str]]:
    """What it takes, in words."""
    with tempfile.TemporaryDirectory() as folder:
        async with running_api_server() as server:
            for number in range(SLICES):
                await server.put(full_slice(number, 1))
            config = server.kubeconfig(Path(folder) / "config")
            settings = {"KUBERNETES__SERVICE": "chat/socketio", "KUBERNETES__KUBECONFIG": config, "HEALTH__TYPE": "none"}
            async with running_proxy(wait=False, **settings) as proxy:  # type: ignore[arg-type]
                line = await proxy.event("discovery_synced", seconds=60)
                assert line["backends"] == SLICES * EACH
                first = monotonic() - server.requests("list")[0].at
                await until(lambda: server.watchers == 1)
                changes = []
                for count in range(5):
                    await asyncio.sleep(0.5)
                    waiting = asyncio.ensure_future(wait_for(proxy, pod=f"web-1-0-{EACH + count}"))
                    await asyncio.sleep(0)
                    await server.put(full_slice(0, 1, EACH + count + 1))
                    changes.append(await waiting)
                before = proportional_set_size(proxy.process.pid)
                health = await slowest_health(proxy, lambda: replace_all(server, proxy))
                after = proportional_set_size(proxy.process.pid)
                assert await proxy.stop() == 0
    return [
        ("first sync, from the list request to the log line", f"{first:.2f} s"),
        ("one more endpoint, from the event until the workers have it (median of 5)", f"{sorted(changes)[2] * 1e3:.0f} ms"),
        ("slowest /healthz while all 5,000 are replaced", f"{health * 1e3:.0f} ms"),
        ("control before and after that", f"{before / 2**20:.0f} MB, {after / 2**20:.0f} MB"),
    ]


def main() -> None:
    """Print what was measured."""
    table = Table("a Service of 5,000 endpoints in 50 slices", "measured")
    for row in asyncio.run(measure()):
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
