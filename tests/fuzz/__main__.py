"""`make fuzz`, and `python -m tests.fuzz` with options."""

import argparse
import sys
from importlib.util import find_spec

from rich.console import Console
from rich.table import Table

from tests.fuzz.campaign import Result, fuzz
from tests.fuzz.inputs import keep
from tests.fuzz.registry import TARGETS


def main() -> int:
    """Fuzz the targets in turn. Returns 1 if any has failed, 2 if there is nothing to fuzz with."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS, help="only this one")
    parser.add_argument("--keep", action="store_true", help="copy what was found and adds coverage to the kept inputs")
    options = parser.parse_args()
    if find_spec("atheris") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        sys.stderr.write(f"atheris is not installed for Python {version}: make fuzz installs it, where there is a wheel\n")
        return 2
    names = [options.target] if options.target else list(TARGETS)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    results = []
    for name in names:
        console.print(f"{name}: {TARGETS[name]}")
        results.append(fuzz(name, max(1, options.seconds // len(names))))
        if options.keep:
            console.print("".join(f"  kept {path.name}\n" for path in keep(name)), end="")
    console.print(_table(results))
    failed = [result for result in results if result.failed]
    for result in failed:
        console.print(_how_to_repeat(result), soft_wrap=True)
    return 1 if failed else 0


def _table(results: list[Result]) -> Table:
    table = Table("target")
    for column in ("runs", "seconds", "edges", "corpus", "crashes"):
        table.add_column(column, justify="right")
    for result in results:
        crashes = str(len(result.crashes) or int(result.failed))
        numbers = (f"{result.runs:,}", f"{result.seconds:.0f}", str(result.edges), str(result.corpus), crashes)
        table.add_row(result.target, *numbers)
    return table


def _how_to_repeat(result: Result) -> str:
    """Where the inputs are that make a target fail, and how to run them again."""
    again = f"python -m tests.fuzz.fuzzing {result.target}"
    lines = [f"  {again} {path}" for path in result.crashes]
    return "\n".join([f"{result.target} failed, see {result.log}; run it again with", *(lines or [f"  {again}"])])


if __name__ == "__main__":
    sys.exit(main())
