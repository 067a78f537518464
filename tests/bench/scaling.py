"""What a second worker brings, by processor time: how much the busier of both could do with a core for itself."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from tests.bench.contenders import contender
from tests.bench.contenders.target import Job
from tests.bench.figures import Numbers, Pace, Work, less, more
from tests.bench.loads import Latency, small_messages, web_backend
from tests.bench.placement import PLACEMENT
from tests.bench.processes import processor_seconds_by_thread

CONNECTIONS = 64
WARM_UP = 1


@dataclass(frozen=True)
class Seen:
    """What a number of workers did: what the load saw, seconds of processor by thread, connections by worker."""

    load: Latency
    spent: list[float]
    connections: list[int]

    @property
    def capacity(self) -> float:
        """Messages per second, if each worker had a core that does nothing else: the busiest one ends last."""
        return self.load.requests / max(self.spent)


def two_workers() -> Work:
    """Small messages over one worker, then over two, with the load on other cores than the proxy."""

    def measure(name: str, folder: Path, pace: Pace) -> Numbers:
        one, two = (_measured(name, folder, pace, workers) for workers in (1, 2))
        return {
            "times one worker, by processor time": two.capacity / one.capacity,
            "processor seconds per message": sum(two.spent) / two.load.requests,
            "processor seconds per message, times one worker": (sum(two.spent) / two.load.requests)
            / (sum(one.spent) / one.load.requests),
            "share of the connections on the busier worker": max(two.connections) / sum(two.connections),
            "per second": two.load.per_second,
            "p99 seconds": two.load.p99,
        }

    figures = {
        "times one worker, by processor time": more(limit=1.8),
        "processor seconds per message": less(),
        "processor seconds per message, times one worker": less(),
        "share of the connections on the busier worker": less(),
        "per second": more(),
        "p99 seconds": less(),
    }
    return Work(f"small messages, {CONNECTIONS} connection(s), two workers", figures, measure)


def _measured(name: str, folder: Path, pace: Pace, workers: int) -> Seen:
    with (
        PLACEMENT.of_the_load(),
        web_backend(folder) as ports,
        contender(name, folder, Job(ports, workers)) as target,
        ThreadPoolExecutor(1) as threads,
    ):
        small_messages(target.port, CONNECTIONS, WARM_UP)
        PLACEMENT.place(target.pids, workers)
        before = processor_seconds_by_thread(target.pids)
        load = threads.submit(small_messages, target.port, CONNECTIONS, pace.seconds)
        sleep(pace.seconds / 2)
        connections = target.connections_by_worker()
        seen = load.result()
        after = processor_seconds_by_thread(target.pids)
    return Seen(seen, [seconds - before.get(thread, 0) for thread, seconds in after.items()], connections)
