"""What a run has shown: JSON to keep, and a table to read."""

import json
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app import __version__
from tests.bench.rounds import OURS, Rounds, medians, ratio, spread
from tests.bench.works import HIGHER, Work

Json = dict[str, object]


def machine() -> Json:
    """What the figures were measured on, and with which versions."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": cpu[1] if cpu else platform.machine(),
        "cores": len(re.findall(r"^processor\s*:", Path("/proc/cpuinfo").read_text(), re.MULTILINE)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "tidegate": __version__,
        "nginx": _version(["nginx", "-v"], r"nginx/(\S+)"),
        "haproxy": _version(["haproxy", "-v"], r"version (\S+)"),
    }


def summary(work: Work, rounds: Rounds) -> Json:
    """Medians, spreads and ratios of one work, with all rounds."""
    return {
        "work": work.name,
        "figures": {
            figure: {
                "better": better,
                "ratio": ratio(work, rounds, figure),
                **{
                    name: {"median": medians(rounds[name])[figure], "spread": spread(rounds[name], figure)}
                    for name in rounds
                },
            }
            for figure, better in work.better.items()
        },
        "rounds": rounds,
    }


def show(summaries: list[Json], console: Console) -> None:
    """Print a row per figure."""
    table = Table(title="Tidegate against the better of the others", title_justify="left")
    for column in ("work", "figure", "nginx", "haproxy", OURS, "ratio", ""):
        table.add_column(column, justify="right" if column not in ("work", "figure", "") else "left")
    for one in summaries:
        figures = one["figures"]
        assert isinstance(figures, Mapping)
        for figure, values in figures.items():
            verdict = "more" if values["better"] == HIGHER else "less"
            cells = [
                f"{values[name]['median']:.4g} ±{values[name]['spread'] / 2:.0%}" for name in ("nginx", "haproxy", OURS)
            ]
            table.add_row(str(one["work"]), figure, *cells, f"{values['ratio']:.2f}", f"{verdict} is better")
    console.print(table)


def store(folder: Path, summaries: list[Json]) -> Path:
    """Keep a run as JSON; answers where."""
    folder.mkdir(exist_ok=True)
    path = folder / "latest.json"
    path.write_text(json.dumps({"machine": machine(), "works": summaries}, indent=2) + "\n", encoding="utf-8")
    return path


def _version(command: list[str], pattern: str) -> str:
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, output.stdout + output.stderr)
    return found[1] if found else "unknown"
