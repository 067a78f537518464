"""`make mutants`."""

import argparse
import sys

from rich.console import Console

from tests.mutants.parts import PARTS
from tests.mutants.report import GOAL, diff, table
from tests.mutants.work import LIST, of_part, run, unknown_equivalents


def main() -> int:
    """Plant a sample of mutants and say which ones no test noticed; returns 1 if they are too many."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=40, help="mutants of each part; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of the sample")
    names = [*PARTS, LIST]
    parser.add_argument("--part", choices=names, help="only this one")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tested at the same time")
    options = parser.parse_args()
    console = Console(highlight=False, markup=False, soft_wrap=True)
    parts = [options.part] if options.part else names
    tasks = [task for part in parts for task in of_part(part, options.sample, options.seed)]
    unknown = unknown_equivalents()
    with console.status("") as status:
        for count, (task, caught) in enumerate(run(tasks, options.jobs), 1):
            status.update(f"{count} of {len(tasks)}")
            if not caught:
                console.print(f"{count} of {len(tasks)} survived: {task.mutant.change}\n{diff(task.mutant)}\n")
    results = {task.result.part: task.result for task in tasks}
    console.print(table(results.values()))
    for name in unknown:
        console.print("equivalents.yaml lists what is no mutant:", *name)
    return int(bool(unknown) or any(result.score < GOAL for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
