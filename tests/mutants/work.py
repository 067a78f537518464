"""The mutants of a run, and the tests that should notice them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from queue import SimpleQueue
from random import Random
from typing import NamedTuple

from tests.mutants.copies import Copy, copy_of_tree
from tests.mutants.lists import equivalents, planted
from tests.mutants.mutant import Mutant, Name
from tests.mutants.parts import PARTS
from tests.mutants.report import Result

LIST = "planted"
"""The name of the bugs of `planted.yaml`, beside those of the parts."""


class Task(NamedTuple):
    """A mutant, where its end is counted, and the tests that should notice it: they run in turn until some do."""

    result: Result
    mutant: Mutant
    stages: Sequence[str]


def of_list() -> list[Task]:
    """All bugs of `planted.yaml`."""
    result = Result(LIST)
    return [Task(result, bug, [tests]) for bug, tests in planted()]


def of_part(name: str, sample: int, seed: int) -> list[Task]:
    """So many mutants of a part (0: all) without those that change nothing, which are counted; or all of the list."""
    if name == LIST:
        return of_list()
    part, listed = PARTS[name], equivalents()
    everything = part.mutants()
    chosen = Random(seed).sample(everything, sample) if 0 < sample < len(everything) else everything
    effective = [mutant for mutant in chosen if listed.isdisjoint(mutant.names)]
    result = Result(name, equivalent=len(chosen) - len(effective))
    return [Task(result, mutant, part.stages(mutant.file)) for mutant in effective]


def unknown_equivalents() -> set[Name]:
    """What is listed as equivalent and is no mutant any more, because its line has changed."""
    return equivalents() - {name for part in PARTS.values() for mutant in part.mutants() for name in mutant.names}


def run(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, bool]]:
    """Test all, so many at a time, each in a copy of its own; counts what came of each and yields whether it was caught."""
    free: SimpleQueue[Copy] = SimpleQueue()

    def is_caught(task: Task) -> bool:
        copy = free.get()
        try:
            return any(copy.catches(task.mutant, tests) for tests in task.stages)
        finally:
            free.put(copy)

    with ExitStack() as stack:
        for _ in range(jobs):
            free.put(stack.enter_context(copy_of_tree()))
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        running = {pool.submit(is_caught, task): task for task in tasks}
        for done in as_completed(running):
            task, caught = running[done], done.result()
            task.result.add(task.mutant, caught=caught)
            yield task, caught
