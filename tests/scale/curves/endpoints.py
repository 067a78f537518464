"""Changes of the endpoints of a Service, more and more a second.

Some of the changes are markers: endpoints that get all sessions once a worker knows them, as they are first in the order of
the policy `first`. So a session shows when a worker uses a change.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Final

from tests.bench.processes import processor_seconds
from tests.scale.curve import Curve, Row
from tests.scale.parts.commands import Part, running_part
from tests.scale.subject import control_megabytes, cost_of
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until
from tidegate.core.limits import MOST_BACKENDS

SIZES: Final = (200, 5000)
RATES: Final = (1, 10, 100, 1000, 3000)
SECONDS: Final = 10.0
NEXT_SESSION: Final = 0.005  # seconds
LONGEST_LAG: Final = 60.0
LATE: Final = 0.5  # seconds until a change is used, from which on the curve counts as broken
TOO_MANY: Final = MOST_BACKENDS + 1000


async def endpoints(_minutes: float, say: Callable[[str], None]) -> Curve:
    """Measure each size at each rate, then list more endpoints than there may be backends."""
    curve = Curve("endpoints", "Changes of endpoints")
    with tempfile.TemporaryDirectory() as name:
        async with Markers.running() as markers, running_scene(Path(name), markers.port, curve) as (proxy, cluster):
            for size in SIZES:
                await cluster.ask("fill", size=size)
                await caught_up(proxy, cluster)
                for rate in RATES:
                    curve.rows.append(await measure(proxy, cluster, markers, (size, rate), curve))
                    say(str(curve.rows[-1]))
                curve.breaks += [sentence for row in curve.rows if (sentence := if_late(row, size))][:1]
            await overfill(proxy, cluster, Path(name), curve)
    return curve


@asynccontextmanager
async def running_scene(folder: Path, port: int, curve: Curve) -> AsyncIterator[tuple[Proxy, Part]]:
    """A proxy and its cluster. What control says goes into a file, which costs as little as it can."""
    config, log = folder / "kubeconfig", folder / "log"
    async with running_part("cluster", port, config) as cluster:
        await cluster.ask("fill", size=SIZES[0])
        with log.open("wb") as output:
            settings = {
                "KUBERNETES__SERVICE": "chat/socketio",
                "KUBERNETES__KUBECONFIG": config,
                "HEALTH__TYPE": "none",
                "BALANCE": "first",
            }
            async with running_proxy(stdout=output.fileno(), **settings) as proxy:  # type: ignore[arg-type]
                yield proxy, cluster
                code = await proxy.stop()
                curve.expect(code == 0 and not proxy.errors, f"exit {code}, standard error: {proxy.errors}")
        curve.expect(b'"exception"' not in log.read_bytes(), "a traceback in the log")


async def measure(proxy: Proxy, cluster: Part, markers: "Markers", step: tuple[int, int], curve: Curve) -> Row:
    """Change so many endpoints a second, then wait until the proxy has all that the server has."""
    size, rate = step
    async with markers.asked_for(proxy.port):
        before = processor_seconds([cluster.pid])
        done, cost = await cost_of(proxy, cluster.ask("change", rate=rate, seconds=SECONDS))
        spent = processor_seconds([cluster.pid]) - before
        megabytes = control_megabytes(proxy)
        lag = await caught_up(proxy, cluster)
    delays = sorted(markers.delays(done["markers"]))
    curve.expect(len(delays) == len(done["markers"]), f"{step}: {len(delays)} of {len(done['markers'])} markers were used")
    curve.expect_health(step, cost.health)
    return {
        "endpoints": size,
        "changes a second, wanted": rate,
        "made": rate * SECONDS / done["seconds"],
        "control's share of a core": cost.control,
        "a worker's": cost.worker,
        "the API server's": spent / done["seconds"],
        "in use after, median ms": delays[len(delays) // 2] * 1000,
        "slowest, ms": delays[-1] * 1000,
        "slowest /healthz, ms": cost.health * 1000,
        "equal to the server's after the last, s": lag,
        "MB of control": megabytes,
    }


def if_late(row: Row, size: int) -> str:
    """What to say of a row of that size whose changes wait too long, empty otherwise."""
    slowest = float(row["slowest, ms"]) / 1000
    if row["endpoints"] != size or slowest < LATE:
        return ""
    lag = row["equal to the server's after the last, s"]
    return (
        f"{row['changes a second, wanted']:,} changes a second of {size:,} endpoints are late: up to {slowest:.1f} s pass "
        f"until a worker uses one. No change is lost: {lag:.1f} s after the last one the backends are those of the server."
    )


async def caught_up(proxy: Proxy, cluster: Part) -> float:
    """Seconds until the proxy's backends are those of the server. Raises AssertionError when they never are."""
    began, wanted = monotonic(), set((await cluster.ask("names"))["names"])

    async def equal() -> bool:
        return set(await proxy.backends()) == wanted

    await until(equal, seconds=LONGEST_LAG)
    return monotonic() - began


async def overfill(proxy: Proxy, cluster: Part, folder: Path, curve: Curve) -> None:
    """List more than there is room for, then fewer again."""
    listed = (await cluster.ask("fill", size=TOO_MANY))["endpoints"]
    reason = f"no room for {listed - MOST_BACKENDS} more backends"

    async def is_cut() -> bool:
        pool = (await proxy.status())["pools"][0]
        return len(pool["backends"]) == MOST_BACKENDS and pool["discovery"]["reason"] == reason

    await until(is_cut, seconds=LONGEST_LAG)
    curve.expect(b'"discovery_cut"' in (folder / "log").read_bytes(), "no discovery_cut in the log")
    ready, _ = await proxy.get("/readyz")
    await cluster.ask("fill", size=SIZES[0])
    lag = await caught_up(proxy, cluster)
    curve.breaks.append(
        f"A Service with {listed:,} endpoints: `discovery_cut` ({reason}), {MOST_BACKENDS:,} are used, `/readyz` answers "
        f"{ready}. {lag:.1f} s after the list has become shorter, the backends are those of the server again."
    )


class Markers:
    """The application of all endpoints, and a client that asks again and again which of them it gets."""

    def __init__(self) -> None:
        self.port = 0
        self._first_used: dict[str, float] = {}

    @staticmethod
    @asynccontextmanager
    async def running() -> AsyncIterator["Markers"]:
        """Serve on a port of all loopback addresses."""
        markers = Markers()
        server = await asyncio.start_server(markers._serve, "0.0.0.0", 0)
        async with server:
            markers.port = server.sockets[0].getsockname()[1]
            yield markers

    async def _serve(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._first_used.setdefault(writer.get_extra_info("sockname")[0], monotonic())
        writer.write(b".")
        writer.close()

    @asynccontextmanager
    async def asked_for(self, port: int) -> AsyncIterator[None]:
        """Ask the proxy on this port during the block."""
        asking = asyncio.ensure_future(self._ask(port))
        try:
            yield
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking

    async def _ask(self, port: int) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                assert await reader.read() == b"."
            finally:
                writer.close()
            await asyncio.sleep(NEXT_SESSION)

    def delays(self, markers: list[tuple[str, float]]) -> list[float]:
        """Seconds from each marker's change until it, or one after it, was used; none for those that never were."""
        delays, used = [], float("inf")
        for address, at in reversed(markers):
            used = min(used, self._first_used.get(address, used))
            delays.append(used - at)
        return [delay for delay in delays if delay != float("inf")]
