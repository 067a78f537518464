"""`make bench` and `make bench-quick`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from tests.bench.picture import draw
from tests.bench.report import Row, rows, show, store
from tests.bench.rounds import Rounds, run
from tests.bench.works import WORKS, Pace

RESULTS = Path(__file__).parent / "results"
FULL, QUICK = Pace(seconds=3, idle=4000), Pace(seconds=1, idle=500)


def main() -> int:
    """Run the benchmark, print and keep what it shows."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round; shows that it works, not how fast it is")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all proxies in turn")
    parser.add_argument("--work", default="", help="only works whose name contains this; nothing is kept then")
    options = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 170)
    pace, count = (QUICK, 1) if options.quick else (FULL, options.rounds)
    works = [work for work in WORKS if options.work in work.name]
    rounds: dict[str, Rounds] = {}
    all_rows: list[Row] = []
    with console.status("") as status:
        for work in works:
            rounds[work.name] = run(work, pace, count, status.update)
            all_rows += rows(work, rounds[work.name])
    show(all_rows, console)
    if len(works) == len(WORKS) and not options.quick:
        draw(store(RESULTS, all_rows, rounds), RESULTS / "latest.svg")
        console.print(f"kept in {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
