"""Listeners, each with a pool of its own, until settings or descriptors refuse more."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from tests.bench.processes import processor_seconds, proportional_bytes
from tests.faults.pattern import Pattern
from tests.faults.processes import children
from tests.scale.curve import Curve, Row
from tests.scale.document import PORTS, document, refusal
from tests.scale.parts.backends import HEAD
from tests.scale.parts.commands import Part, running_part
from tests.scale.subject import control_megabytes, descriptors, open_descriptors
from tests.support.proxy import is_ready, running_proxy
from tests.support.waiting import until
from tidegate.core.limits import MOST_LISTENERS, MOST_POOLS

LONGEST_START: Final = 60.0
AT_ONCE: Final = 50  # sessions
SIZE: Final = 4096  # bytes each way
QUIET: Final = 5.0  # seconds without a session
FEW_DESCRIPTORS: Final = 1024  # what many systems allow a process by default


@dataclass(frozen=True)
class Step:
    """So many listeners, each with a pool, and so many workers."""

    count: int
    workers: int


STEPS: Final = (Step(1, 1), Step(10, 1), Step(100, 1), Step(1000, 1), Step(MOST_LISTENERS, 1), Step(MOST_LISTENERS, 2))


async def listeners(_minutes: float, say: Callable[[str], None]) -> Curve:
    """Measure each step, then ask for more than is allowed."""
    curve = Curve("listeners", "Listeners, each with a pool")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with running_part("backends") as backend:
            for step in STEPS:
                curve.rows.append(await measure(step, folder, backend, curve))
                say(str(curve.rows[-1]))
        more = max(MOST_LISTENERS, MOST_POOLS) + 1
        said = await refusal(descriptors(), document(folder, [["127.0.0.1:1"]] * more, {}, port=PORTS))
        curve.breaks.append(f"{more:,} listeners and pools: {said}.")
        settings = document(folder, [["127.0.0.1:1"]] * 1000, {}, port=PORTS)
        curve.breaks.append(
            f"1,000 listeners and pools where a process may have {FEW_DESCRIPTORS:,} descriptors: "
            f"{await refusal(FEW_DESCRIPTORS, settings)}."
        )
    return curve


async def measure(step: Step, folder: Path, backend: Part, curve: Curve) -> Row:
    """Start a proxy, have a session at each listener, and leave it alone for a while."""
    address = f"127.0.0.1:{(await backend.ask('port'))['port']}"
    settings = document(folder, [[address]] * step.count, {"interval": "3s", "timeout": "3s"}, port=PORTS)
    began = monotonic()
    async with running_proxy(wait=False, WORKERS=step.workers, **settings) as proxy:
        await until(lambda: is_ready(proxy), seconds=LONGEST_START)
        start, control = monotonic() - began, proxy.process.pid
        spent = processor_seconds([control])
        serving = asyncio.Semaphore(AT_ONCE)
        took = await asyncio.gather(*(session(PORTS + number, number, serving) for number in range(step.count)))
        before = processor_seconds([control])
        await asyncio.sleep(QUIET)
        quiet = (processor_seconds([control]) - before) / QUIET
        worker = children(control)[0]
        row: Row = {
            "listeners and pools": step.count,
            "workers": step.workers,
            "ready after, s": start,
            "processor time of control until then, s": spent,
            "slowest session, ms": max(took) * 1000,
            "control's share of a core, with a probe per pool every 3 s": quiet,
            "MB of control": control_megabytes(proxy),
            "MB of a worker": proportional_bytes([worker]) / 1e6,
            "descriptors of control": open_descriptors(control),
            "descriptors of a worker": open_descriptors(worker),
        }
        await until(lambda: len(proxy.events("session_closed")) >= step.count)
        served = {line["listener"] for line in proxy.events("session_closed")}
        curve.expect(len(served) == step.count, f"{step}: {len(served)} listeners served a session")
        began = monotonic()
        code = await proxy.stop()
        row["seconds to stop"] = monotonic() - began
        curve.expect(code == 0 and not proxy.errors, f"{step}: exit {code}, standard error: {proxy.errors}")
    return row


async def session(port: int, number: int, serving: asyncio.Semaphore) -> float:
    """One session with checked bytes each way; seconds it took. Raises WrongBytesError or OSError."""
    async with serving:
        began = monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent, received = Pattern(2 * number), Pattern(2 * number + 1)
        writer.write((2 * number).to_bytes(HEAD, "big") + sent.piece(SIZE))
        received.check(memoryview(await reader.readexactly(SIZE)))
        took = monotonic() - began
        writer.close()
        await writer.wait_closed()
    return took
