"""`make bench-growth`: how cost grows with backends and connections. The times are of one machine; their growth counts."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from timeit import Timer
from typing import Any
from urllib.request import urlopen

from rich.console import Console
from rich.table import Table

from tests.bench.contenders import OURS, contender
from tests.bench.contenders.target import Job, Target
from tests.bench.loads import accepting_port, idle_connections, web_backend
from tests.bench.processes import processor_seconds, proportional_bytes
from tests.support.options import pool_options
from tests.support.reports import at_once, process_of
from tidegate.control.process import Process
from tidegate.control.report.metrics.page import Format, read_page
from tidegate.control.report.status.page import Form, Question, read_status
from tidegate.control.serve import YOUNG_OBJECTS
from tidegate.core.balance import POLICIES
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import PoolSnapshot
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.report.counters import Counters
from tidegate.dataplane.routing.routing_pool import RoutingPool
from tidegate.link.board import Board
from tidegate.link.messages import BackendEntry, PoolAdded

SIZES = (1, 100, 1000, 10_000)
PROBED = (100, 1000, 4000, 10_000)  # the last in three pools
PROBING_SECONDS = 15
LIVEZ_INTERVAL = 0.05
FIRST_PROBES = 4.0  # seconds, in which each backend has its first probe
IDLE = (1000, 2000, 4000, 8000)
REPEAT = 5


def microseconds(call: Callable[[], object]) -> float:
    """The least time of a call, of several tries."""
    timer = Timer(call)
    number, _ = timer.autorange()
    return min(timer.repeat(REPEAT, max(1, number // 5))) / max(1, number // 5) * 1e6


def backends(count: int) -> list[Backend]:
    """So many different ones."""
    addresses = ((f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 8001) for number in range(count))
    return [Backend(f"{host}:{port}", host, port) for host, port in addresses]


def worker_pool(policy: str, count: int, **settings: Any) -> RoutingPool:
    """A pool as a worker has it, with so many eligible backends."""
    message = PoolAdded("default", 0, pool_options(balance=policy, **settings))
    pool = RoutingPool(Poller(lambda: None), Counters(Board.create(1), 0), message, lambda *_: None)
    pool.apply([BackendEntry.of(backend, slot, eligible=True) for slot, backend in enumerate(backends(count))], [])
    return pool


def picks(policy: str, **settings: Any) -> Iterator[str]:
    """Microseconds to choose a backend for a connection."""
    for count in SIZES:
        pool = worker_pool(policy, count, **settings)
        yield f"{microseconds(lambda: release(pool)):.1f}"  # noqa: B023  (called at once)


def release(pool: RoutingPool) -> None:
    """Choose, and take it back."""
    backend = pool.reserve("192.0.2.7", [])
    assert backend is not None
    backend.release()


def changes_in_a_worker(policy: str) -> Iterator[str]:
    """Microseconds to apply the change of one backend."""
    for count in SIZES:
        pool = worker_pool(policy, count)
        up = BackendEntry.of(backends(count)[-1], count - 1, eligible=True)
        down = replace(up, eligible=False)
        yield f"{microseconds(lambda: flip(pool, down, up)) / 2:.1f}"  # noqa: B023


def flip(pool: RoutingPool, down: BackendEntry, up: BackendEntry) -> None:
    """Two changes."""
    pool.apply([down], [])
    pool.apply([up], [])


def changes_in_control() -> Iterator[str]:
    """Microseconds to make the next snapshot after one backend has changed its state."""
    for count in SIZES:
        snapshot, _ = PoolSnapshot("default").with_backends(backends(count), State.UP, 0.0)
        name = backends(count)[-1].name
        yield f"{microseconds(lambda: snapshot.with_state(name, State.DOWN, 'refused', 1.0)):.1f}"  # noqa: B023


def reports() -> Iterator[tuple[str, list[str]]]:
    """KiB of `/metrics` and of `/status`, and milliseconds of processor time to make each."""
    gc.set_threshold(YOUNG_OBJECTS)
    makers = {"/metrics": metrics_text, "/status": status_text}
    for name, make in makers.items():
        sizes, times = [], []
        for count in SIZES:
            with process_of(backends(count), workers=1) as process:
                for backend in backends(count):
                    process.pools["chat"].probed(backend.name, None, 0.001)
                gc.freeze()  # as control does once it serves
                sizes.append(f"{len(make(process)) / 1024:.0f}")
                times.append(f"{min(processor_milliseconds(partial(make, process)) for _ in range(REPEAT)):.1f}")
        yield f"{name}, KiB", sizes
        yield f"{name}, ms", times


def metrics_text(process: Process) -> bytes:
    """The answer of `/metrics`, made anew."""
    return b"".join(at_once(read_page(process)).chunks(Format.TEXT))


def status_text(process: Process) -> bytes:
    """The answer of `/status`, made anew."""
    return at_once(at_once(read_status(process)).text(Question(Form.JSON, None, None)))


def processor_milliseconds(call: Callable[[], object]) -> float:
    """The processor time of one call."""
    before = time.process_time()
    call()
    return (time.process_time() - before) * 1000


def fetch(url: str) -> tuple[float, int]:
    """Seconds and bytes of an answer."""
    before = time.perf_counter()
    with urlopen(url, timeout=30) as response:
        size = len(response.read())
    return time.perf_counter() - before, size


def probing() -> Iterator[tuple[str, str, str, str]]:
    """For each count: the share of a core that control takes, with 20 `/livez` a second, and the slowest of them in ms; then
    the slowest with a scrape of `/metrics` every second, by a process of its own, and the slowest scrape in s."""
    for count in PROBED:
        names = [f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}:1" for number in range(1, count + 1)]
        with accepting_port() as port, TemporaryDirectory() as folder:
            job = Job(names, probe_port=port, probe_interval="3s")
            with contender(OURS, Path(folder), job) as target, ProcessPoolExecutor(1) as scraper:
                time.sleep(FIRST_PROBES)
                spent, until = processor_seconds([target.pid]), time.monotonic() + PROBING_SECONDS
                alone = slowest(f"{target.admin_url}/livez", LIVEZ_INTERVAL, until)
                share = (processor_seconds([target.pid]) - spent) / PROBING_SECONDS
                until += PROBING_SECONDS
                scrapes = scraper.submit(slowest, f"{target.admin_url}/metrics", 1.0, until)
                beside = slowest(f"{target.admin_url}/livez", LIVEZ_INTERVAL, until)
                yield f"{share:.2f}", f"{alone * 1000:.1f}", f"{beside * 1000:.1f}", f"{scrapes.result():.2f}"


def slowest(url: str, pause: float, until: float) -> float:
    """Seconds of the slowest fetch, with a pause of so many seconds between two."""
    longest = 0.0
    while time.monotonic() < until:
        longest = max(longest, fetch(url)[0])
        time.sleep(pause)
    return longest


def idle_memory() -> list[str]:
    """Bytes per idle connection."""

    def measure(target: Target, count: int) -> str:
        bare = proportional_bytes(target.pids)
        with idle_connections(target.port, count):
            return f"{(proportional_bytes(target.pids) - bare) / count:.0f}"

    answer = []
    for count in IDLE:
        with (
            TemporaryDirectory() as name,
            web_backend(Path(name)) as ports,
            contender(OURS, Path(name), Job(ports)) as target,
        ):
            with idle_connections(target.port, 10):
                pass
            answer.append(measure(target, count))
    return answer


def show(title: str, sizes: tuple[int, ...], rows: list[tuple[str, list[str]]], console: Console) -> None:
    """Print a table with a column per size."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    for name, cells in rows:
        table.add_row(name, *cells)
    console.print(table)


def main() -> int:
    """Measure and print."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    rows = [(f"pick by {policy}, us", list(picks(policy))) for policy in POLICIES]
    rows += [("pick by source_hash of networks, us", list(picks("source_hash", ipv4_prefix=24, ipv6_prefix=64)))]
    rows += [("pick by source_hash with bounded load, us", list(picks("source_hash", bounded_load=1.25)))]
    rows += [(f"apply a change for {policy}, us", list(changes_in_a_worker(policy))) for policy in POLICIES]
    rows += [("next snapshot in control, us", list(changes_in_control()))]
    show("Backends in a pool", SIZES, rows, console)
    show("Backends in reports", SIZES, list(reports()), console)
    titles = ("share of a core", "slowest /livez, ms", "slowest /livez beside scrapes, ms", "slowest /metrics, s")
    rows = [(title, list(seen)) for title, seen in zip(titles, zip(*probing(), strict=True), strict=True)]
    show("Backends probed every 3 s", PROBED, rows, console)
    show("Idle connections", IDLE, [("bytes per connection", idle_memory())], console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
