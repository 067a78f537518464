"""Which cores the load and the workers of a proxy get: a second worker shows what it costs, not who waits for a core."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.bench.processes import processor_seconds_by_thread

MOST_WORKERS = 2
LEAST_FOR_THE_LOAD = 2

Cores = frozenset[int]


@dataclass(frozen=True)
class Placement:
    """The cores of the load with its backends, and those of each worker in turn."""

    load: Cores
    workers: tuple[Cores, ...]

    @staticmethod
    def over(cores: Sequence[int]) -> "Placement":
        """Each worker has a core of its own where enough stay free for the load; otherwise all share the last core."""
        if len(cores) >= MOST_WORKERS + LEAST_FOR_THE_LOAD:
            split = len(cores) - MOST_WORKERS
            return Placement(frozenset(cores[:split]), tuple(frozenset([core]) for core in cores[split:]))
        last = frozenset(cores[-1:])
        return Placement(frozenset(cores[:-1]) or last, (last,) * MOST_WORKERS)

    @contextmanager
    def of_the_load(self) -> Iterator[None]:
        """What this thread starts meanwhile runs on the cores of the load."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.load)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)

    def place(self, pids: Sequence[int], workers: int) -> None:
        """Give a proxy that has had load its cores: its busiest threads are its workers, the others go with the first."""
        spent = processor_seconds_by_thread(pids)
        busiest_first = sorted(spent, key=spent.__getitem__, reverse=True)
        for position, thread in enumerate(busiest_first):
            with suppress(ProcessLookupError):  # a thread that has just ended
                os.sched_setaffinity(thread, self.workers[position if position < workers else 0])


PLACEMENT = Placement.over(sorted(os.sched_getaffinity(0)))
