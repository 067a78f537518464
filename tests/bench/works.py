"""What is measured: each work puts one load on one proxy and answers its figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contenders import CONTENDERS, Job, backends_changed, contender
from tests.bench.loads import (
    bulk,
    bulk_backend,
    bulk_stream,
    flapping_port,
    idle_connections,
    small_messages,
    web_backend,
)
from tests.bench.processes import processor_seconds, proportional_bytes

OURS = "tidegate"
WARM_UP = 1
FIRST_IDLE = 10  # so that what the first connections load is not taken for the cost of one
CHURN_BACKENDS = 1000
CHURN_SEEN_WITHIN = 2  # seconds, of which each has a change; the better part of one is the checks' interval


@dataclass(frozen=True)
class Pace:
    """How long and how many, for a full run or a quick one."""

    seconds: int
    idle: int


@dataclass(frozen=True)
class Figure:
    """What a number says. `goal` is what its ratio to the better peer has to reach, `limit` what ours has to keep itself."""

    more_is_better: bool
    goal: float | None = None
    limit: float | None = None


Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Work:
    """One load. `measure(contender, folder, pace)` answers a number per figure; `peers` are those who can do it."""

    name: str
    figures: Mapping[str, Figure]
    measure: Callable[[str, Path, Pace], Numbers]
    peers: tuple[str, ...] = tuple(name for name in CONTENDERS if name != OURS)


def more(goal: float | None = None, limit: float | None = None) -> Figure:
    """More is better."""
    return Figure(True, goal, limit)


def less(goal: float | None = None, limit: float | None = None) -> Figure:
    """Less is better."""
    return Figure(False, goal, limit)


def requests(connections: int, rate: Figure, p99: Figure) -> Work:
    """Small messages on kept connections."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        with web_backend(folder) as ports, contender(name, folder, Job(ports)) as target:
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

    figures = {"per second": rate, "p50 seconds": less(), "p99 seconds": p99, "processor seconds per message": less()}
    return Work(f"small messages, {connections} connection(s)", figures, measure)


def connections() -> Work:
    """A new connection per request."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        with web_backend(folder) as ports, contender(name, folder, Job(ports)) as target:
            small_messages(target.port, 64, WARM_UP, keep=False)
            before = processor_seconds(target.pids)
            seen = small_messages(target.port, 64, pace.seconds, keep=False)
            spent = processor_seconds(target.pids) - before
        return {"per second": seen.per_second, "processor seconds per connection": spent / seen.requests}

    return Work("new connections", {"per second": more(0.92), "processor seconds per connection": less()}, measure)


def bulk_transfer(streams: int, goal: float, *, download: bool) -> Work:
    """As many bytes as go through."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        with bulk_backend(folder) as ports, contender(name, folder, Job(ports, bulk=True)) as target:
            before = processor_seconds(target.pids)
            rate = bulk(target.port, streams, pace.seconds, download=download)
            spent = processor_seconds(target.pids) - before
        return {"bytes per second": rate, "processor seconds per GB": spent / (rate * pace.seconds / 1e9)}

    figures = {"bytes per second": more(goal), "processor seconds per GB": less(0.6)}
    return Work(f"bulk {'download' if download else 'upload'}, {streams} stream(s)", figures, measure)


def mixed() -> Work:
    """Small messages while one stream takes all it can get."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        with (
            web_backend(folder) as ports,
            contender(name, folder, Job(ports, bulk=True)) as target,
            bulk_stream(target.port) as moved,
        ):
            before = moved()
            seen = small_messages(target.port, 16, pace.seconds)
            rate = (moved() - before) / pace.seconds
        return {"p99 seconds": seen.p99, "per second": seen.per_second, "bulk bytes per second": rate}

    figures = {"p99 seconds": less(), "per second": more(), "bulk bytes per second": more()}
    return Work("small messages beside a bulk stream", figures, measure)


def churn() -> Work:
    """Small messages on connections that live while every backend of a large pool goes down and up once a second."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        with (
            web_backend(folder, CHURN_BACKENDS) as ports,
            flapping_port() as (probe_port, flap),
            contender(name, folder, Job(ports, probe_port=probe_port)) as target,
        ):
            small_messages(target.port, 64, WARM_UP)
            with flap():
                before = processor_seconds(target.pids)
                seen = small_messages(target.port, 64, pace.seconds)
                spent = processor_seconds(target.pids) - before
                changed = backends_changed(name, target, CHURN_SEEN_WITHIN)
        return {
            "p50 seconds": seen.p50,
            "p99 seconds": seen.p99,
            "processor seconds per second": spent / pace.seconds,
            "backends seen to change": changed,
        }

    figures = {
        "p50 seconds": less(),
        "p99 seconds": less(),
        "processor seconds per second": less(),
        "backends seen to change": more(limit=0.95 * CHURN_BACKENDS),
    }
    return Work(f"{CHURN_BACKENDS} backends that change state", figures, measure, peers=("haproxy",))


def idle() -> Work:
    """Open connections on which nothing happens."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        with web_backend(folder) as ports, contender(name, folder, Job(ports)) as target:
            with idle_connections(target.port, FIRST_IDLE):
                bare = [proportional_bytes([pid]) for pid in target.pids]
            with idle_connections(target.port, pace.idle):
                full = proportional_bytes(target.pids)
        numbers = {
            "bytes per idle connection": (full - sum(bare)) / (pace.idle - FIRST_IDLE),
            "bytes of the bare processes": float(sum(bare)),
        }
        if name == OURS:
            numbers |= {"bytes of control": bare[0], "bytes of the worker": bare[1]}
        return numbers

    figures = {
        "bytes per idle connection": less(0.5, 1536),
        "bytes of the bare processes": less(),
        "bytes of control": less(limit=50e6),
        "bytes of the worker": less(limit=15e6),
    }
    return Work("idle connections", figures, measure)


def two_workers() -> Work:
    """Small messages over two workers, and what that gains over one."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        seen = []
        for workers in (1, 2):
            with web_backend(folder) as ports, contender(name, folder, Job(ports, workers)) as target:
                small_messages(target.port, 64, WARM_UP)
                seen.append(small_messages(target.port, 64, pace.seconds))
        one, two = seen
        return {"per second": two.per_second, "p99 seconds": two.p99, "times one worker": two.per_second / one.per_second}

    figures = {"per second": more(), "p99 seconds": less(), "times one worker": more(limit=1.0)}
    return Work("small messages, two workers", figures, measure)


WORKS = (
    requests(1, more(), less()),
    requests(64, more(0.95), less(1.3)),
    requests(512, more(0.95), less()),
    connections(),
    bulk_transfer(1, 1.0, download=True),
    bulk_transfer(1, 1.0, download=False),
    bulk_transfer(8, 1.1, download=True),
    bulk_transfer(8, 1.1, download=False),
    mixed(),
    churn(),
    idle(),
    two_workers(),
)
