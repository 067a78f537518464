"""Bugs planted on purpose in a copy of the sources: rounds must find each of them (`python -m tests.faults.planted`).

The copy runs as plain Python, so the bugs are planted in the plain wire where that is where they belong.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

ROOT: Final = Path(__file__).parents[2]
MINUTES: Final = 4.0  # that a bug has until it is found
SEED: Final = 1  # of the first round


@dataclass(frozen=True)
class Bug:
    """One bug: in `file` below `app/tidegate`, `new` in the place of `old`.

    A `finding` of the rounds that matches this expression is that of the bug. `options` are of the rounds.
    """

    name: str
    finding: str
    file: str
    old: str
    new: str
    options: tuple[str, ...] = ()


BUGS: Final = (
    Bug(
        "a byte is dropped where splicing begins",
        "other bytes than were sent|did not get all",
        "dataplane/relay/direction.py",
        "        pace_less(flow.sink)\n",
        "        pace_less(flow.sink)\n"
        "        with suppress(OSError), borrowed(flow.source) as source:\n"
        "            source.recv(1)\n",
        ("--load", "floods"),
    ),
    Bug(
        "a session is counted twice",
        "not all that began has ended|sessions began",
        "dataplane/routing/routing_pool.py",
        "        self._duration_seconds.observe(seconds, self._closed_cells[reason])\n",
        "        self._duration_seconds.observe(seconds, self._closed_cells[reason])\n"
        "        if reason == 'backend_reset':\n"
        "            self._duration_seconds.observe(seconds, self._closed_cells[reason])\n",
    ),
    Bug(
        "a descriptor leaks",
        "descriptors that are gone and that are new",
        "dataplane/relay/pipes.py",
        "        os.close(self._reading)\n        os.close(self._writing)\n",
        "        os.close(self._reading)\n",
        ("--load", "floods"),
    ),
    Bug(
        "an edge is missed",
        "no byte has moved|broken off|did not get all",
        "dataplane/wire/plain/flow.py",
        "        if events & OUT and reverse is not None and reverse.state == BLOCKED:\n",
        "        if events & OUT and reverse is not None and reverse.state == BLOCKED and self.state == READING:\n",
        ("--load", "long"),
    ),
    Bug(
        "a gauge is stale",
        "gauges did not return to zero",
        "dataplane/routing/routing_pool.py",
        "            self._cells.one_less(self.active_cell, listener_cell, backend.active_cell)\n",
        "            if reason != 'client_reset':\n"
        "                self._cells.one_less(self.active_cell, listener_cell, backend.active_cell)\n",
    ),
)


def found(bug: Bug) -> str:
    """What rounds say about a copy with this bug; nothing when they do not find it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "app", copy / "app", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        source = copy / "app/tidegate" / bug.file
        text = source.read_text(encoding="utf-8")
        assert text.count(bug.old) == 1, f"{bug.file} has changed: where is it to be planted?"
        source.write_text(text.replace(bug.old, bug.new), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "tests.faults",
            "--minutes",
            str(MINUTES),
            "--seed",
            str(SEED),
            "--first",
            *bug.options,
        ]
        environment = os.environ | {"PYTHONPATH": f"{copy / 'app'}:{ROOT}", "PYTHONSAFEPATH": "1"}
        output = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    finding = re.search(rf"FOUND (.*(?:{bug.finding}).*)", output)
    return finding[1] if finding else ""


def main() -> int:
    """Plant one after the other; 1 when one is not found."""
    console, missed = Console(highlight=False, markup=False), 0
    for bug in BUGS:
        finding = found(bug)
        missed += not finding
        console.print(f"{bug.name}: {finding[:300] or 'NOT FOUND'}", soft_wrap=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
