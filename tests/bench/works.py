"""What is measured: each work puts one load on one proxy and answers its figures."""

from pathlib import Path

from tests.bench.contenders import HALF_CLOSE, OURS, contender
from tests.bench.contenders.target import Job
from tests.bench.figures import Figure, Numbers, Pace, Work, less, more
from tests.bench.loads import (
    bulk,
    bulk_backend,
    bulk_stream,
    flapping_port,
    idle_connections,
    small_messages,
    web_backend,
)
from tests.bench.network import CUBIC
from tests.bench.prefaces import proxy_headers
from tests.bench.processes import processor_seconds, proportional_bytes
from tests.bench.scaling import two_workers

WARM_UP = 1
FIRST_IDLE = 10  # so that what the first connections load is not taken for the cost of one
CHURN_BACKENDS = 1000
CHURN_SEEN_WITHIN = 2  # seconds, in which each backend changes at least once


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
    return Work(f"small messages, {connections} connection(s)", figures, measure, beside=(HALF_CLOSE,))


def connections() -> Work:
    """A new connection per request."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        with web_backend(folder) as ports, contender(name, folder, Job(ports)) as target:
            small_messages(target.port, 64, WARM_UP, keep=False)
            before = processor_seconds(target.pids)
            seen = small_messages(target.port, 64, pace.seconds, keep=False)
            spent = processor_seconds(target.pids) - before
            lost = target.log_lines_lost()
        return {
            "per second": seen.per_second,
            "processor seconds per connection": spent / seen.requests,
            "log lines lost": lost,
        }

    figures = {
        "per second": more(0.95),
        "processor seconds per connection": less(),
        "log lines lost": less(limit=0),
    }
    return Work("new connections", figures, measure, beside=(HALF_CLOSE,))


def bulk_transfer(streams: int, congestion: str, *, download: bool) -> Work:
    """As many bytes as go through. Our rate has its goal where nobody paces, so that none is had from pacing less."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        with bulk_backend(folder) as ports, contender(name, folder, Job(ports, bulk=True)) as target:
            before = processor_seconds(target.pids)
            rate = bulk(target.port, streams, pace.seconds, download=download)
            spent = processor_seconds(target.pids) - before
        return {"bytes per second": rate, "processor seconds per GB": spent / (rate * pace.seconds / 1e9)}

    figures = {
        "bytes per second": more(1.1 if congestion == CUBIC else None),
        "processor seconds per GB": less(0.65),
    }
    name = f"bulk {'download' if download else 'upload'}, {streams} stream(s), {congestion}"
    return Work(name, figures, measure, congestion=congestion)


def mixed(congestion: str) -> Work:
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
    return Work(f"small messages beside a bulk stream, {congestion}", figures, measure, congestion=congestion)


def churn() -> Work:
    """Small messages on connections that live while every backend of a large pool changes its state once a second."""

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
                changed = target.backends_changed(CHURN_SEEN_WITHIN)
        return {
            "p50 seconds": seen.p50,
            "p99 seconds": seen.p99,
            "processor seconds per second": spent / pace.seconds,
            "backends seen to change": changed,
        }

    figures = {
        "p50 seconds": less(),
        "p99 seconds": less(1.2),
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
        "bytes per idle connection": less(limit=800),
        "bytes of the bare processes": less(),
        "bytes of control": less(limit=38e6),
        "bytes of the worker": less(limit=12e6),
    }
    return Work("idle connections", figures, measure)


def works(system: str) -> tuple[Work, ...]:
    """All works on a system with this congestion control; bulk also with cubic, which most systems have."""
    controls = dict.fromkeys((CUBIC, system))
    return (
        requests(1, more(), less()),
        requests(64, more(1.05), less(1.1)),
        requests(512, more(1.05), less(1.1)),
        connections(),
        proxy_headers(),
        *(
            bulk_transfer(streams, congestion, download=download)
            for congestion in controls
            for streams in (1, 8)
            for download in (True, False)
        ),
        *(mixed(congestion) for congestion in controls),
        churn(),
        idle(),
        two_workers(),
    )
