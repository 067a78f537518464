"""What is kept of a run, and the table of all runs for docs/reliability.md."""

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.disturbances.registry import DISTURBANCES
from tests.faults.rounds import Result, Tally

RESULTS: Final = Path(__file__).parent / "results"
LONGEST_FINDING: Final = 400  # characters
COUNTERS: Final = ("strikes", "reasons", "evidence", "unfelt")
SUMS: Final = ("seconds", "sessions", "whole", "bytes", *COUNTERS)
STRIKES_COLUMNS: Final = "| disturbance | strikes | rounds that did not feel it | what it is |"
COLUMNS: Final = "| commit | began | hours | rounds | sessions | bytes | strikes | findings |"


@dataclass(kw_only=True)
class Record(Tally):
    """One run: the commit it was made on, the seed of its first round, and the sums of its rounds."""

    commit: str
    began: str
    seed: int = 0
    rounds: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """One more round."""
        self.rounds += 1
        self.worst_healthz = max(self.worst_healthz, result.worst_healthz)
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(result, name))
        if result.violations:
            finding = f"{result.mix}; {', '.join(result.disturbances) or 'calm'}: {result.violations[0]}"
            self.findings.append(finding.partition("\n")[0][:LONGEST_FINDING])

    def __str__(self) -> str:
        numbers = f"{self.rounds} rounds, {self.sessions:,} sessions, {self.bytes / 1e9:,.1f} GB"
        return f"{numbers}, {self.strikes.total()} strikes in {self.seconds / 60:.1f} min: {len(self.findings)} findings"

    def keep(self) -> None:
        """Write it into the results; a run that goes on replaces what it has written before."""
        RESULTS.mkdir(exist_ok=True)
        name = self.began.replace(":", "").replace("-", "")
        (RESULTS / f"{name}-{self.seed}.json").write_text(json.dumps(vars(self), indent=2) + "\n", encoding="utf-8")


def commit() -> str:
    """The commit of the sources, with a plus sign if they have been changed since."""
    command = ["git", "describe", "--always", "--abbrev=7", "--dirty=+", "--exclude=*"]
    return (
        subprocess.run(command, capture_output=True, check=False, text=True, cwd=RESULTS.parent).stdout.strip() or "unknown"
    )


def table() -> str:
    """All runs that are kept, as Markdown."""
    runs = kept()
    sums = (
        "all",
        "",
        f"{sum(run.seconds for run in runs) / 3600:.1f}",
        f"{sum(run.rounds for run in runs):,}",
        f"{sum(run.sessions for run in runs):,}",
        f"{sum(run.bytes for run in runs) / 1e9:,.0f} GB",
        f"{sum(run.strikes.total() for run in runs):,}",
        f"{sum(len(run.findings) for run in runs)}",
    )
    return "\n".join((COLUMNS, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |", *map(_row, runs), _cells(*sums)))


def kept() -> list[Record]:
    """All runs that are kept, in the order of time."""
    return [read(path) for path in sorted(RESULTS.glob("*.json"))]


def read(path: Path) -> Record:
    """A run; one that is older than a counter has counted nothing."""
    run = json.loads(path.read_text(encoding="utf-8"))
    return Record(**run | {name: Counter(run.get(name, {})) for name in COUNTERS})


def _row(run: Record) -> str:
    hours, size = f"{run.seconds / 3600:.1f}", f"{run.bytes / 1e9:,.0f} GB"
    numbers = f"{run.rounds:,}", f"{run.sessions:,}", size, f"{run.strikes.total():,}", f"{len(run.findings)}"
    return _cells(f"`{run.commit}`", run.began[:10], hours, *numbers)


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def strikes_table() -> str:
    """How often each disturbance has struck in all runs, and how many rounds have not felt it, as Markdown."""
    runs = kept()
    strikes, unfelt = (sum((getattr(run, name) for run in runs), Counter[str]()) for name in ("strikes", "unfelt"))
    rows = (_cells(one.name, f"{strikes[one.name]:,}", f"{unfelt[one.name]:,}", one.summary()) for one in DISTURBANCES)
    return "\n".join((STRIKES_COLUMNS, "| --- | ---: | ---: | --- |", *rows))
