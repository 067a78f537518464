"""Backends with probes, until settings refuse more, and then more often until control's processor is used up."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Final

from tests.bench.processes import proportional_bytes
from tests.faults.processes import children
from tests.scale.curve import Curve, Row
from tests.scale.document import PORTS, document, refusal
from tests.scale.parts.commands import Part, running_part
from tests.scale.subject import control_megabytes, cost_of, descriptors
from tests.support.proxy import running_proxy
from tests.support.waiting import until
from tidegate.core.limits import MOST_BACKENDS
from tidegate.settings.parts.pool import MOST_BACKENDS as MOST_OF_A_POOL


@dataclass(frozen=True)
class Step:
    """So many backends, each probed at this interval in seconds."""

    backends: int
    interval: float


STEPS: Final = (
    Step(100, 3.0),
    Step(1000, 3.0),
    Step(4000, 3.0),
    Step(10_000, 3.0),
    Step(MOST_BACKENDS, 3.0),
    Step(MOST_BACKENDS, 2.0),
    Step(MOST_BACKENDS, 1.0),
    Step(MOST_BACKENDS, 0.5),
)
ROUNDS: Final = 5  # intervals that are watched, or more so that it takes LEAST_SECONDS
LEAST_SECONDS: Final = 15.0
LONGEST_START: Final = 60.0


async def probes(_minutes: float, say: Callable[[str], None]) -> Curve:
    """Measure each step, then ask for more than is allowed."""
    curve = Curve("backends", "Backends with probes")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for step in STEPS:
            async with running_part("probed") as probed:
                curve.rows.append(await measure(step, folder, probed, curve))
                say(str(curve.rows[-1]))
        curve.breaks += [sentence for row in curve.rows if (sentence := if_late(row))][:1]
        for what, each in (("one pool", [MOST_OF_A_POOL + 1]), ("all pools", [MOST_OF_A_POOL] * 4 + [1])):
            settings = document(folder, pools(addresses(sum(each), 1), each), {}, port=PORTS)
            curve.breaks.append(f"{sum(each):,} backends in {what}: {await refusal(descriptors(), settings)}.")
    return curve


async def measure(step: Step, folder: Path, probed: Part, curve: Curve) -> Row:
    """Start a proxy, wait until all are up, and watch some intervals."""
    port = (await probed.ask("port"))["port"]
    health = {"interval": f"{step.interval}s", "timeout": f"{step.interval}s"}
    settings = document(folder, pools(addresses(step.backends, port), [MOST_OF_A_POOL] * 4), health, port=PORTS)
    began = monotonic()
    async with running_proxy(wait=False, **settings) as proxy:
        await until(lambda: len(proxy.events("backend_up")) >= step.backends, seconds=LONGEST_START)
        start = monotonic() - began
        await asyncio.sleep(2 * step.interval)  # until probes are spread over the interval
        await probed.ask("forget")
        _, cost = await cost_of(proxy, asyncio.sleep(max(LEAST_SECONDS, ROUNDS * step.interval)))
        pauses = await probed.ask("pauses")
        down = len(proxy.events("backend_down"))
        curve.expect(not down, f"{step}: {down} backends were taken for down that answer")
        curve.expect_health(step, cost.health)
        worker = proportional_bytes(children(proxy.process.pid)) / 1e6
        row: Row = {
            "backends": step.backends,
            "probed every, s": step.interval,
            "all up after, s": start,
            "control's share of a core": cost.control,
            "probes a second": pauses["count"] / max(LEAST_SECONDS, ROUNDS * step.interval),
            "latest probe, ms late": max(0.0, pauses["longest"] - step.interval) * 1000,
            "slowest /healthz, ms": cost.health * 1000,
            "MB of control": control_megabytes(proxy),
            "MB of a worker": worker,
        }
        curve.expect(await proxy.stop() == 0 and not proxy.errors, f"{step}: standard error: {proxy.errors}")
    return row


def if_late(row: Row) -> str:
    """What to say of a row whose latest probe is late by more than half an interval."""
    late, interval = float(row["latest probe, ms late"]) / 1000, float(row["probed every, s"])
    if late < interval / 2:
        return ""
    return (
        f"{row['backends']:,} backends probed every {interval:g} s are more than this machine can probe: a probe is up to "
        f"{late:.1f} s late, so a backend that dies is noticed so much later. No backend that answers is taken for down."
    )


def addresses(count: int, port: int) -> list[str]:
    """So many different ones of this machine."""
    return [f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}:{port}" for number in range(256, 256 + count)]


def pools(backends: list[str], sizes: list[int]) -> list[list[str]]:
    """The backends in pools of at most these sizes."""
    rest = iter(backends)
    return [pool for size in sizes if (pool := list(islice(rest, size)))]
