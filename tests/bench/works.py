"""What is measured: each work puts one load on one proxy and answers its figures, higher or lower being better as named."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contenders import contender
from tests.bench.loads import bulk, bulk_backend, idle_connections, small_messages, web_backend
from tests.bench.processes import processor_seconds, proportional_bytes

Figures = Mapping[str, float]
WARM_UP = 1
HIGHER, LOWER = "higher is better", "lower is better"


@dataclass(frozen=True)
class Pace:
    """How long and how many, for a full run or a quick one."""

    seconds: int
    idle: int


@dataclass(frozen=True)
class Work:
    """One load; `better` says for each figure whether more of it is good."""

    name: str
    better: Mapping[str, str]
    measure: Callable[[str, Path, Pace], Figures]


def requests(connections: int) -> Work:
    """Small messages on kept connections."""

    def measure(name: str, folder: Path, pace: Pace) -> Figures:
        with web_backend(folder) as backend, contender(name, folder, [backend], 1) as target:
            small_messages(target.port, connections, WARM_UP)
            before = processor_seconds(target.pids)
            seen = small_messages(target.port, connections, pace.seconds)
            spent = processor_seconds(target.pids) - before
        return {
            "per second": seen.per_second,
            "p50 seconds": seen.p50,
            "p99 seconds": seen.p99,
            "processor seconds per message": spent / seen.requests,
        }

    better = {"per second": HIGHER, "p50 seconds": LOWER, "p99 seconds": LOWER, "processor seconds per message": LOWER}
    return Work(f"requests, {connections} connections", better, measure)


def connections() -> Work:
    """A new connection per request."""

    def measure(name: str, folder: Path, pace: Pace) -> Figures:
        with web_backend(folder) as backend, contender(name, folder, [backend], 1) as target:
            small_messages(target.port, 64, WARM_UP, keep=False)
            before = processor_seconds(target.pids)
            seen = small_messages(target.port, 64, pace.seconds, keep=False)
            spent = processor_seconds(target.pids) - before
        return {"per second": seen.per_second, "processor seconds per connection": spent / seen.requests}

    return Work("new connections", {"per second": HIGHER, "processor seconds per connection": LOWER}, measure)


def bulk_transfer(streams: int, *, download: bool) -> Work:
    """As many bytes as go through."""

    def measure(name: str, folder: Path, pace: Pace) -> Figures:
        with bulk_backend(folder) as backend, contender(name, folder, [backend], 1) as target:
            before = processor_seconds(target.pids)
            rate = bulk(target.port, streams, pace.seconds, download=download)
            spent = processor_seconds(target.pids) - before
        return {"bytes per second": rate, "processor seconds per GB": spent / (rate * pace.seconds / 1e9)}

    better = {"bytes per second": HIGHER, "processor seconds per GB": LOWER}
    return Work(f"bulk {'download' if download else 'upload'}, {streams} stream(s)", better, measure)


def idle() -> Work:
    """Open connections on which nothing happens."""

    def measure(name: str, folder: Path, pace: Pace) -> Figures:
        with web_backend(folder) as backend, contender(name, folder, [backend], 1) as target:
            with idle_connections(target.port, 10):
                bare = proportional_bytes(target.pids)
            with idle_connections(target.port, pace.idle):
                full = proportional_bytes(target.pids)
        return {"bytes per idle connection": (full - bare) / pace.idle, "bytes of the bare processes": float(bare)}

    better = {"bytes per idle connection": LOWER, "bytes of the bare processes": LOWER}
    return Work("idle connections", better, measure)


def two_workers() -> Work:
    """Small messages over two workers."""

    def measure(name: str, folder: Path, pace: Pace) -> Figures:
        with web_backend(folder) as backend, contender(name, folder, [backend], 2) as target:
            seen = small_messages(target.port, 64, pace.seconds)
        return {"per second": seen.per_second, "p99 seconds": seen.p99}

    return Work("requests, two workers", {"per second": HIGHER, "p99 seconds": LOWER}, measure)


WORKS = (
    requests(1),
    requests(64),
    requests(512),
    connections(),
    bulk_transfer(1, download=True),
    bulk_transfer(1, download=False),
    bulk_transfer(8, download=True),
    bulk_transfer(8, download=False),
    idle(),
    two_workers(),
)
