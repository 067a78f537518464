"""`make bench` and `make bench-quick`."""

import argparse
import shutil
import sys
from pathlib import Path

from rich.console import Console

from tests.bench.report import show, store, summary
from tests.bench.rounds import run
from tests.bench.works import WORKS, Pace

RESULTS = Path(__file__).parent / "results"
NEEDED = {"nginx": "nginx libnginx-mod-stream", "haproxy": "haproxy", "wrk": "wrk", "iperf3": "iperf3"}
FULL, QUICK = Pace(seconds=5, idle=4000), Pace(seconds=1, idle=500)


def main() -> int:
    """Run the benchmark, print and keep what it shows."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round; shows that it works, not how fast it is")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all proxies in turn")
    parser.add_argument("--work", default="", help="only works whose name contains this; nothing is kept then")
    options = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    missing = [packages for program, packages in NEEDED.items() if shutil.which(program) is None]
    if missing:
        console.print(f"missing: apt-get install {' '.join(missing)}")
        return 1
    pace, rounds = (QUICK, 1) if options.quick else (FULL, options.rounds)
    works = [work for work in WORKS if options.work in work.name]
    with console.status("") as status:
        summaries = [summary(work, run(work, pace, rounds, status.update)) for work in works]
    show(summaries, console)
    if len(works) == len(WORKS) and not options.quick:
        console.print(f"kept in {store(RESULTS, summaries)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
