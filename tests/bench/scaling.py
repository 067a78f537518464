"""What a second worker brings, by processor time: how much the busier of both could do with a core for itself."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import sleep

from tests.bench.contenders import contender
from tests.bench.contenders.target import Job, Target
from tests.bench.figures import Numbers, Pace, Work, less, more
from tests.bench.loads import Latency, small_messages, web_backend
from tests.bench.placement import PLACEMENT
from tests.bench.processes import processor_seconds_by_thread

CONNECTIONS = 64
SLICE = 1  # seconds; one worker and two take turns, so that what else the machine does falls on both alike


@dataclass(frozen=True)
class Slice:
    """What a proxy did in a slice: what the load saw, seconds of processor by thread, connections by worker."""

    load: Latency
    spent: Sequence[float]
    connections: Sequence[int]

    @property
    def capacity(self) -> float:
        """Messages per second, if each worker had a core that does nothing else: the busiest one ends last."""
        return self.load.requests / max(self.spent)

    @property
    def cost(self) -> float:
        """Seconds of processor per message."""
        return sum(self.spent) / self.load.requests


def two_workers() -> Work:
    """Small messages over one worker and over two, with the load on other cores than the proxy."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        for of_its_own in ("1", "2"):
            (folder / of_its_own).mkdir()
        with (
            PLACEMENT.of_the_load(),
            web_backend(folder) as ports,
            contender(name, folder / "1", Job(ports)) as one,
            contender(name, folder / "2", Job(ports, workers=2)) as two,
        ):
            for target, workers in ((one, 1), (two, 2)):
                small_messages(target.port, CONNECTIONS, SLICE)
                PLACEMENT.place(target.pids, workers)
            return compared([(_slice(one), _slice(two)) for _ in range(pace.seconds)])

    figures = {
        "times one worker, by processor time": more(limit=1.8),
        "processor seconds per message": less(),
        "processor seconds per message, times one worker": less(),
        "share of connections on the busier worker": less(),
        "per second": more(),
        "p99 seconds": less(),
    }
    return Work("small messages, two workers", figures, measure)


def compared(pairs: Sequence[tuple[Slice, Slice]]) -> Numbers:
    """The medians of pairs of slices, of one worker and of two."""
    seen = [
        {
            "times one worker, by processor time": two.capacity / one.capacity,
            "processor seconds per message": two.cost,
            "processor seconds per message, times one worker": two.cost / one.cost,
            "share of connections on the busier worker": max(two.connections) / sum(two.connections),
            "per second": two.load.per_second,
            "p99 seconds": two.load.p99,
        }
        for one, two in pairs
    ]
    return {figure: median(numbers[figure] for numbers in seen) for figure in seen[0]}


def _slice(target: Target) -> Slice:
    before = processor_seconds_by_thread(target.pids)
    with ThreadPoolExecutor(1) as threads:
        load = threads.submit(small_messages, target.port, CONNECTIONS, SLICE)
        sleep(SLICE / 2)
        connections = target.connections_by_worker()
        seen = load.result()
    after = processor_seconds_by_thread(target.pids)
    return Slice(seen, [seconds - before.get(thread, 0) for thread, seconds in after.items()], connections)
