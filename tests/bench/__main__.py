"""`make bench` and `make bench-quick`."""

import argparse
import json
import sys

from rich.console import Console

from tests.bench.figures import Pace
from tests.bench.goals import RESULTS, RUN, lines, of_run
from tests.bench.machine import COMPILED, DATA_PLANE
from tests.bench.network import SYSTEM, own_network
from tests.bench.picture import draw
from tests.bench.report import Row, rows, show, to_json
from tests.bench.rounds import Rounds, run
from tests.bench.works import works

FULL, QUICK = Pace(seconds=3, idle=4000), Pace(seconds=1, idle=500)


def main() -> int:
    """Run the benchmark and print what it shows. A full run of all works, of what is shipped, is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round; shows that it works, not how fast it is")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all proxies in turn")
    parser.add_argument("--work", default="", help="only works whose name contains this")
    options = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 190)
    everything = works(SYSTEM)
    chosen = [work for work in everything if options.work in work.name]
    if not own_network():
        console.print(f"As this user may not have a network of its own, all works run with {SYSTEM} alone.")
        chosen = [work for work in chosen if work.congestion == SYSTEM]
    rounds: dict[str, Rounds] = {}
    all_rows: list[Row] = []
    pace, count = (QUICK, 1) if options.quick else (FULL, options.rounds)
    with console.status("") as status:
        for work in chosen:
            rounds[work.name] = run(work, pace, count, status.update)
            all_rows += rows(work, rounds[work.name])
    show(all_rows, console)
    document = to_json(all_rows, rounds)
    for line in lines([goal for goal in of_run(document) if goal.reached is not None]):
        console.print(line)
    if len(chosen) == len(everything) and not options.quick and document["machine"][DATA_PLANE] == COMPILED:
        RUN.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        draw(document, RESULTS / "latest.svg")
        console.print(f"kept in {RESULTS}; `make docs` brings it into docs/performance.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
