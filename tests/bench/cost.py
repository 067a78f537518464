"""What a connection and a request cost a worker, in instructions and system calls: counts, which noise leaves alone.

A worker runs under callgrind, then under strace, first with little and then with more of the same load. The difference is
the cost of what was added; what starting and ending cost is in both. One load at a time, one client after the other.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.backends import echo, running_backend
from tests.support.clients import connect
from tests.support.compiled import COMPILED
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.support.worker import running_worker
from tidegate.core.pools.backend import Backend
from tidegate.link.board import WORKER, WorkerCell

FEW, MANY = 50, 250
IDLE = 400
REQUEST = b"x" * 100
START_LIMIT = 120.0  # seconds; a tool makes the start of a worker some fifty times slower

Load = Callable[[int, int], Awaitable[None]]
"""Put a number of connections or requests on a port."""


class Counts(NamedTuple):
    """What one piece of a load costs."""

    instructions: float
    system_calls: float


async def connections(port: int, count: int) -> None:
    """Short connections with one request each."""
    for _ in range(count):
        client = await connect(port)
        await client.ask(REQUEST)
        await client.close()


async def requests(port: int, count: int) -> None:
    """Requests on one connection."""
    client = await connect(port)
    for _ in range(count):
        await client.ask(REQUEST)
    await client.close()


async def under(tool: list[str], load: Load, count: int) -> None:
    """Run a worker under a tool, with so much load."""
    async with running_backend(echo, port=free_port()) as backend, running_worker(command=tool) as worker:
        await until(lambda: worker.own(WORKER, WorkerCell.SWEPT_AT_MILLISECONDS), seconds=START_LIMIT)
        worker.add_pool()
        worker.set_backends([Backend(backend.name, "127.0.0.1", backend.port)])
        port = await worker.add_listener()
        await load(port, count)


async def instructions(load: Load, count: int, folder: Path) -> int:
    """All instructions that a worker executes outside the kernel."""
    result = folder / "callgrind"
    await under(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={result}"], load, count)
    return int(re.findall(r"^(?:summary|totals): (\d+)", result.read_text(), re.MULTILINE)[-1])


async def system_calls(load: Load, count: int, folder: Path) -> int:
    """All system calls of a worker."""
    result = folder / "strace"
    await under(["strace", "-f", "-c", "-U", "calls,name", "-o", str(result)], load, count)
    return int(re.findall(r"^\s*(\d+) total", result.read_text(), re.MULTILINE)[-1])


async def cost(load: Load) -> Counts:
    """What one more costs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        executed = [await instructions(load, count, folder) for count in (FEW, MANY)]
        called = [await system_calls(load, count, folder) for count in (FEW, MANY)]
    more = MANY - FEW
    return Counts((executed[1] - executed[0]) / more, (called[1] - called[0]) / more)


async def idle_bytes() -> float:
    """Memory of a worker per connection that does nothing."""
    async with running_backend(echo, port=free_port()) as backend, running_worker() as worker:
        worker.add_pool()
        worker.set_backends([Backend(backend.name, "127.0.0.1", backend.port)])
        port = await worker.add_listener()
        weights = []
        opened = []
        for _ in range(2):
            opened += [await connect(port) for _ in range(IDLE)]
            for client in opened:
                await client.ask(REQUEST)
            weights.append(worker.own_memory)
        for client in opened:
            await client.close()
    return (weights[1] - weights[0]) / IDLE


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Print the table."""
    say(f"one worker, {'compiled' if COMPILED else 'plain sources'}")
    for name, load in (("connection", connections), ("request", requests)):
        counts = await cost(load)
        say(f"{name}: {counts.instructions / 1000:.2f} thousand instructions, {counts.system_calls:.2f} system calls")
    say(f"idle connection: {await idle_bytes():.0f} bytes")


if __name__ == "__main__":
    asyncio.run(main())
