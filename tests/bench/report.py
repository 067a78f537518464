"""What a run has shown: JSON to keep, and a table to read."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.contenders import CONTENDERS, OURS
from tests.bench.figures import Figure, Work
from tests.bench.machine import machine
from tests.bench.rounds import Rounds, median_of, pairs, ratios, spread

Json = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One figure of one work: medians and relative spreads by contender, and ratios, to the better peer and to each."""

    work: str
    name: str
    figure: Figure
    medians: dict[str, float]
    spreads: dict[str, float]
    ratio: float | None
    ratios: dict[str, float]

    @property
    def reached(self) -> bool | None:
        """Whether goal and limit are reached, None without either."""
        return self.figure.reached(self.ratio, self.medians[OURS])

    def to_json(self) -> Json:
        """All of it."""
        return {
            "figure": self.name,
            "more_is_better": self.figure.more_is_better,
            "goal": self.figure.goal,
            "limit": self.figure.limit,
            "reached": self.reached,
            "ratio": self.ratio,
            "ratios": self.ratios,
            "medians": self.medians,
            "spreads": self.spreads,
        }


def rows(work: Work, rounds: Rounds) -> list[Row]:
    """A row per figure."""
    answer = []
    for name, figure in work.figures.items():
        better = ratios(work, rounds, name)
        measured = {contender: numbers for contender, numbers in rounds.items() if name in numbers[0]}
        by_other = {other: pairs(rounds, other, name) for other in measured if other != OURS}
        answer.append(
            Row(
                work.name,
                name,
                figure,
                {contender: median_of(numbers, name) for contender, numbers in measured.items()},
                {contender: spread(numbers, name) for contender, numbers in measured.items()},
                median(better) if better else None,
                {other: median(values) for other, values in by_other.items() if values},
            )
        )
    return answer


def show(all_rows: list[Row], console: Console) -> None:
    """Print a row per figure."""
    table = Table(title="Tidegate against the better of nginx and HAProxy", title_justify="left")
    for column in ("work", "figure", *CONTENDERS, "ratio", "goal", ""):
        table.add_column(column, justify="left" if column in ("work", "figure", "") else "right")
    for row in all_rows:
        cells = [_cell(row, contender) for contender in CONTENDERS]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        verdict = {None: "", True: "yes", False: "NO"}[row.reached]
        table.add_row(row.work, row.name, *cells, ratio, row.figure.wanted, verdict)
    console.print(table)


def to_json(all_rows: list[Row], rounds: dict[str, Rounds]) -> Json:
    """A run to keep."""
    works: list[Json] = [
        {"work": name, "figures": [row.to_json() for row in all_rows if row.work == name], "rounds": numbers}
        for name, numbers in rounds.items()
    ]
    return {"machine": machine(), "works": works}


def _cell(row: Row, contender: str) -> str:
    if contender not in row.medians:
        return "-"
    return f"{row.medians[contender]:.4g} ±{row.spreads[contender] / 2:.0%}"
