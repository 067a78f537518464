"""What a connection and a request cost, in instructions and system calls: counts, which noise leaves alone.

A worker, and nginx, run under callgrind, then under strace, first with little and then with more of the same load. The
difference is the cost of what was added; what starting and ending cost is in both. The load is 64 clients at a time (wrk),
for which the goals are, and then one client after the other.
"""

import asyncio
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.bench.contenders import OURS
from tests.bench.contenders.nginx import command
from tests.bench.contenders.target import Job, proxy
from tests.bench.goals import CLIENTS, COST, Json, lines, of_cost
from tests.bench.loads import small_messages, web_backend
from tests.bench.machine import COMPILED, DATA_PLANE, machine
from tests.support.clients import Client, connect
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.support.worker import running_worker
from tidegate.core.pools.backend import Backend
from tidegate.link.board import WORKER, WorkerCell

IDLE = 400
REQUEST, END_OF_ANSWER = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n", b"hello"
START_LIMIT = 120.0  # seconds; a tool makes the start of a worker some fifty times slower
CALLGRIND = ("valgrind", "-q", "--tool=callgrind", "--callgrind-out-file={}.%p")
STRACE = ("strace", "-f", "-c", "-U", "calls,name", "-o", "{}")


class Load(NamedTuple):
    """`put(port, amount)` puts connections or requests on a port and answers how many; `few` and `many` are amounts."""

    clients: str
    few: int
    many: int
    put: Callable[[int, int], Awaitable[int]]


Subject = Callable[[list[str], Path, str], AbstractAsyncContextManager[int]]
"""Runs a proxy to a backend by a tool, with a folder for its files, and yields its port."""


async def ask(client: Client) -> None:
    """One request with its answer."""
    client.writer.write(REQUEST)
    await client.reader.readuntil(END_OF_ANSWER)


async def connections(port: int, count: int) -> int:
    """Short connections with one request each, one after the other."""
    for _ in range(count):
        client = await connect(port)
        await ask(client)
        await client.close()
    return count


async def requests(port: int, count: int) -> int:
    """Requests on one connection."""
    client = await connect(port)
    for _ in range(count):
        await ask(client)
    await client.close()
    return count


async def at_once(port: int, seconds: int, *, keep: bool) -> int:
    """Requests of 64 clients, each on a new connection unless they keep them."""
    return (await asyncio.to_thread(small_messages, port, 64, seconds, keep=keep)).requests


LOADS = {
    "connection": (Load(CLIENTS, 1, 4, partial(at_once, keep=False)), Load("one client", 50, 250, connections)),
    "request": (Load(CLIENTS, 1, 4, partial(at_once, keep=True)), Load("one client", 50, 250, requests)),
}


@asynccontextmanager
async def worker(tool: list[str], _folder: Path, backend: str) -> AsyncIterator[int]:
    """One of Tidegate's workers."""
    host, _, port = backend.partition(":")
    async with running_worker(command=tool) as process:
        await until(lambda: process.own(WORKER, WorkerCell.SWEPT_AT_MILLISECONDS), seconds=START_LIMIT)
        process.add_pool()
        process.set_backends([Backend(backend, host, int(port))])
        yield await process.add_listener()


@asynccontextmanager
async def nginx(tool: list[str], folder: Path, backend: str) -> AsyncIterator[int]:
    """All of nginx, of which the first process does nothing meanwhile. The tool ends once nginx has, with its numbers."""
    port = free_port()
    await asyncio.to_thread(folder.chmod, 0o777)  # its worker has another user, and writes its numbers itself
    with proxy([*tool, *command(folder, Job([backend]), port)], folder / "nginx.log", port) as pid:
        yield port
        os.kill(int((folder / "nginx.pid").read_text()), signal.SIGTERM)
        await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)


SUBJECTS: dict[str, Subject] = {OURS: worker, "nginx": nginx}


async def added(subject: Subject, load: Load, tool: tuple[str, ...], total: str) -> float:
    """What one more costs, by the totals that a tool writes into its files."""
    seen = []
    for amount in (load.few, load.many):
        with tempfile.TemporaryDirectory() as name, web_backend(Path(name)) as (backend,):
            folder = Path(name)
            words = [word.format(folder / "total") for word in tool]
            async with subject(words, folder, backend) as port:
                pieces = await load.put(port, amount)
            seen.append((_sum_of_totals(folder, total), pieces))
    (least, few), (most, many) = seen
    return (most - least) / (many - few)


def _sum_of_totals(folder: Path, total: str) -> int:
    texts = [path.read_text() for path in folder.glob("total*")]
    return sum(int(re.findall(total, text, re.MULTILINE)[-1]) for text in texts)


async def counts(subject: Subject, load: Load) -> Json:
    """What one more costs in instructions outside the kernel and in system calls."""
    return {
        "instructions": await added(subject, load, CALLGRIND, r"^(?:summary|totals): (\d+)"),
        "system calls": await added(subject, load, STRACE, r"^\s*(\d+) total"),
    }


async def idle_bytes() -> float:
    """Memory of a worker per connection that does nothing."""
    with tempfile.TemporaryDirectory() as name, web_backend(Path(name)) as (backend,):
        host, _, port = backend.partition(":")
        async with running_worker() as process:
            process.add_pool()
            process.set_backends([Backend(backend, host, int(port))])
            listener = await process.add_listener()
            weights = []
            opened = []
            for _ in range(2):
                opened += [await connect(listener) for _ in range(IDLE)]
                for client in opened:
                    await ask(client)
                weights.append(process.own_memory)
            for client in opened:
                await client.close()
    return (weights[1] - weights[0]) / IDLE


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Count, print, and keep the numbers."""
    facts = machine()
    say(f"one worker, {facts[DATA_PLANE]}")
    result: Json = {}
    for piece, loads in LOADS.items():
        result[piece] = {load.clients: {} for load in loads}
        for load in loads:
            for name, subject in SUBJECTS.items():
                result[piece][load.clients][name] = seen = await counts(subject, load)
                numbers = f"{seen['instructions'] / 1000:.2f} thousand instructions, {seen['system calls']:.2f} system calls"
                say(f"{piece}, {load.clients}, {name}: {numbers}")
    cost = {"machine": facts, "counts": result, "idle bytes": await idle_bytes()}
    for line in lines(list(of_cost(cost))):
        say(line)
    if facts[DATA_PLANE] == COMPILED:
        COST.write_text(json.dumps(cost, indent=2) + "\n", encoding="utf-8")
        say(f"kept in {COST}; `make docs` brings it into docs/performance.md")


if __name__ == "__main__":
    asyncio.run(main())
