"""The proxy under test: how many descriptors it may have, and what it costs while something is done."""

import asyncio
import resource
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

import aiohttp

from tests.bench.processes import processor_seconds, proportional_bytes
from tests.faults.processes import children
from tests.support.proxy import Proxy

T = TypeVar("T")
MOST_DESCRIPTORS: Final = 20_000
"""Per process, also where the system allows more: the clients and backends of all sessions are on the same machine."""

PATIENCE: Final = 1.0
"""Seconds that a kubelet waits for an answer unless it is told otherwise."""

HEALTH_INTERVAL: Final = 0.05  # seconds


def descriptors() -> int:
    """How many each process of the proxy may have."""
    return min(MOST_DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def limited(count: int) -> tuple[str, ...]:
    """The beginning of a command whose processes may have so many descriptors."""
    return "prlimit", f"--nofile={count}"


@dataclass(frozen=True)
class Cost:
    """What the processes took meanwhile: shares of a core, and the slowest answer of `/healthz` in seconds."""

    control: float
    worker: float
    health: float

    def or_more(self, other: "Cost") -> "Cost":
        """The greater one of each."""
        return Cost(max(self.control, other.control), max(self.worker, other.worker), max(self.health, other.health))


async def cost_of(proxy: Proxy, work: Awaitable[T]) -> tuple[T, Cost]:
    """The result of a work, and what it cost control and the busiest worker."""
    control, workers = proxy.process.pid, children(proxy.process.pid)
    before, began = [processor_seconds([pid]) for pid in (control, *workers)], monotonic()
    done = asyncio.ensure_future(work)
    slowest = await _slowest_health(proxy, done)
    spent = [processor_seconds([pid]) for pid in (control, *workers)]
    shares = [(after - start) / (monotonic() - began) for after, start in zip(spent, before, strict=True)]
    return await done, Cost(shares[0], max(shares[1:]), slowest)


async def _slowest_health(proxy: Proxy, done: "asyncio.Future[T]") -> float:
    slowest = 0.0
    async with aiohttp.ClientSession() as session:
        while not done.done():
            began = monotonic()
            async with session.get(f"{proxy.admin_url}/healthz") as answer:
                assert answer.status == 200
                await answer.read()
            slowest = max(slowest, monotonic() - began)
            await asyncio.wait([done], timeout=HEALTH_INTERVAL)
    return slowest


def control_megabytes(proxy: Proxy) -> float:
    """The proportional set size of control."""
    return proportional_bytes([proxy.process.pid]) / 1e6


def workers_bytes(proxy: Proxy) -> int:
    """The proportional set size of all workers together."""
    return proportional_bytes(children(proxy.process.pid))


def open_descriptors(pid: int) -> int:
    """How many descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
