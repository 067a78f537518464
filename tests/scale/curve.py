"""What a curve is, how it is shown, and how the last one is kept for docs/performance.md."""

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.records import commit
from tests.scale.subject import PATIENCE
from tidegate.dataplane import worker

RESULTS = Path(__file__).parent / "results"

Cell = str | int | float
Row = dict[str, Cell]


def machine() -> str:
    """What it is measured on, in words."""
    plane = "compiled" if worker.__file__.endswith(".so") else "interpreted"
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, the data plane {plane}"


@dataclass
class Curve:
    """One curve: a row for each step, and what happens where it breaks."""

    name: str
    title: str
    commit: str = field(default_factory=commit)
    began: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M"))
    machine: str = field(default_factory=machine)
    rows: list[Row] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def expect(self, holds: bool, fault: str) -> None:  # noqa: FBT001  (reads like an assertion)
        """Note a fault unless this holds; the run goes on."""
        if not holds:
            self.faults.append(fault)

    def expect_health(self, what: object, seconds: float) -> None:
        """Note a fault where the slowest answer of `/healthz` would have been too late for a kubelet."""
        self.expect(seconds < PATIENCE, f"{what}: /healthz took {seconds:.1f} s")

    def keep(self) -> None:
        """Write it into the results, in place of the one before."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def show(self, console: Console) -> None:
        """Print it."""
        table = Table(title=self.title, title_justify="left")
        for column in self.rows[0] if self.rows else ():
            table.add_column(column, justify="right")
        for row in self.rows:
            table.add_row(*map(shown, row.values()))
        console.print(table)
        for line in (*self.breaks, *(f"FAULT {fault}" for fault in self.faults)):
            console.print(f"- {line}", soft_wrap=True)

    def markdown(self) -> str:
        """The table and what follows it, for a document."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        columns = list(self.rows[0])
        yield _line(columns)
        yield _line(["---", *["---:"] * (len(columns) - 1)])
        yield from (_line(map(shown, row.values())) for row in self.rows)
        yield ""
        yield from (f"- {line}" for line in self.breaks)
        yield ""
        yield f"{self.began} on commit `{self.commit}`, {self.machine}; faults found: {len(self.faults) or 'none'}."


def kept(name: str) -> Curve:
    """The curve of that name that is kept."""
    return Curve(**json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


def shown(cell: Cell) -> str:
    """A cell to read: large numbers without decimals, small ones with three digits."""
    match cell:
        case str():
            return cell
        case float() if abs(cell) < 100:
            return f"{cell:.3g}"
        case _:
            return f"{cell:,.0f}"


def _line(cells: "Iterator[str] | list[str] | map[str]") -> str:
    return f"| {' | '.join(cells)} |"
