"""What a run has shown: JSON to keep, and a table to read."""

import json
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.rounds import Rounds, median_of, ratios, spread
from tests.bench.works import OURS, Figure, Work
from tidegate import __version__
from tidegate.dataplane.relay import direction

Json = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One figure of one work: medians and relative spreads by contender, and the ratio to the better peer, if any."""

    work: str
    name: str
    figure: Figure
    medians: dict[str, float]
    spreads: dict[str, float]
    ratio: float | None

    @property
    def reached(self) -> bool | None:
        """Whether goal and limit are reached, None without either."""
        figure = self.figure
        checks = [
            (value >= bound) if figure.more_is_better else (value <= bound)
            for value, bound in ((self.ratio, figure.goal), (self.medians[OURS], figure.limit))
            if value is not None and bound is not None
        ]
        return all(checks) if checks else None

    def to_json(self) -> Json:
        """All of it."""
        return {
            "figure": self.name,
            "more_is_better": self.figure.more_is_better,
            "goal": self.figure.goal,
            "limit": self.figure.limit,
            "reached": self.reached,
            "ratio": self.ratio,
            "medians": self.medians,
            "spreads": self.spreads,
        }


def rows(work: Work, rounds: Rounds) -> list[Row]:
    """A row per figure."""
    answer = []
    for name, figure in work.figures.items():
        pairs = ratios(work, rounds, name)
        measured = {contender: numbers for contender, numbers in rounds.items() if name in numbers[0]}
        answer.append(
            Row(
                work.name,
                name,
                figure,
                {contender: median_of(numbers, name) for contender, numbers in measured.items()},
                {contender: spread(numbers, name) for contender, numbers in measured.items()},
                median(pairs) if pairs else None,
            )
        )
    return answer


def machine() -> Json:
    """What the figures were measured on, and with which versions."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": cpu[1] if cpu else platform.machine(),
        "cores": len(re.findall(r"^processor\s*:", Path("/proc/cpuinfo").read_text(), re.MULTILINE)),
        "kernel": platform.release().partition("-")[0],
        "congestion control": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
        "python": platform.python_version(),
        "tidegate": __version__,
        "data plane": "compiled" if direction.__file__.endswith(".so") else "interpreted",
        "nginx": _version(["nginx", "-v"], r"nginx/(\S+)"),
        "haproxy": _version(["haproxy", "-v"], r"version (\S+)"),
    }


def show(all_rows: list[Row], console: Console) -> None:
    """Print a row per figure."""
    table = Table(title="Tidegate against the better of the others", title_justify="left")
    for column in ("work", "figure", "nginx", "haproxy", OURS, "ratio", "goal", ""):
        table.add_column(column, justify="left" if column in ("work", "figure", "") else "right")
    for row in all_rows:
        cells = [_cell(row, contender) for contender in ("nginx", "haproxy", OURS)]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(
            row.work, row.name, *cells, ratio, _goal(row.figure), {None: "", True: "yes", False: "NO"}[row.reached]
        )
    console.print(table)


def store(folder: Path, all_rows: list[Row], rounds: dict[str, Rounds]) -> Json:
    """Keep a run as JSON and answer it."""
    works: list[Json] = [
        {"work": name, "figures": [row.to_json() for row in all_rows if row.work == name], "rounds": numbers}
        for name, numbers in rounds.items()
    ]
    document = {"machine": machine(), "works": works}
    folder.mkdir(exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return document


def _cell(row: Row, contender: str) -> str:
    if contender not in row.medians:
        return "-"
    return f"{row.medians[contender]:.4g} ±{row.spreads[contender] / 2:.0%}"


def _goal(figure: Figure) -> str:
    sign = "≥" if figure.more_is_better else "≤"
    goals = [] if figure.goal is None else [f"{sign} {figure.goal} x"]
    return ", ".join([*goals, *([] if figure.limit is None else [f"{sign} {figure.limit:g}"])])


def _version(command: list[str], pattern: str) -> str:
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, output.stdout + output.stderr)
    return found[1] if found else "unknown"
