"""What Tidegate should cost at most beside its peers, and whether the runs that are kept have reached it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.contenders import OURS, PEERS
from tests.bench.figures import Figure, less, shown
from tests.bench.machine import CONGESTION
from tests.bench.works import works

RESULTS = Path(__file__).parent / "results"
RUN, COST = RESULTS / "latest.json", RESULTS / "cost.json"
CLIENTS = "64 clients"  # at a time: a turn of a worker's loop serves several, as under load
INSTRUCTIONS = {"connection": less(limit=22_000), "request": less(limit=500)}
IDLE = less(limit=800)
VERDICT = {None: "not measured", True: "reached", False: "not reached"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """One of them: what it is about, what is wanted, what the kept run had, and whether that is enough."""

    what: str
    wanted: str
    value: str = ""
    reached: bool | None = None


def of_run(run: Json) -> Iterator[Goal]:
    """The goals of `make bench`."""
    found = {(work["work"], figure["figure"]): figure for work in run["works"] for figure in work["figures"]}
    for work in works(run["machine"][CONGESTION]):
        for name, figure in work.figures.items():
            if figure.wanted:
                yield _of_figure(f"{work.name}: {name}", figure, found.get((work.name, name)))


def _of_figure(what: str, figure: Figure, measured: Json | None) -> Goal:
    if measured is None:
        return Goal(what, figure.wanted)
    ratio, ours = measured["ratio"], measured["medians"][OURS]
    values = [f"{ratio:.2f} x"] if figure.goal is not None and ratio is not None else []
    values += [shown(ours)] if figure.limit is not None else []
    beside = [f"{other}: {value:.2f} x" for other, value in measured.get("ratios", {}).items() if other not in PEERS]
    aside = f" ({', '.join(beside)})" if beside and figure.goal is not None else ""
    return Goal(what, figure.wanted, ", ".join(values) + aside, figure.reached(ratio, ours))


def of_cost(cost: Json | None) -> Iterator[Goal]:
    """The goals of `make cost`."""
    for piece, figure in INSTRUCTIONS.items():
        what = f"instructions per {piece}, {CLIENTS}"
        if cost is None:
            yield Goal(what, figure.wanted)
            continue
        counts = cost["counts"][piece][CLIENTS]
        ours = counts[OURS]["instructions"]
        value = f"{shown(ours)} (nginx: {shown(counts['nginx']['instructions'])})"
        yield Goal(what, figure.wanted, value, figure.reached(None, ours))
    if cost is None:
        yield Goal("bytes of a worker per idle connection", IDLE.wanted)
    else:
        idle = cost["idle bytes"]
        yield Goal("bytes of a worker per idle connection", IDLE.wanted, shown(idle), IDLE.reached(None, idle))


def kept() -> list[Goal]:
    """All goals, with the numbers of the runs that are kept."""
    cost = json.loads(COST.read_text(encoding="utf-8")) if COST.exists() else None
    return [*of_run(json.loads(RUN.read_text(encoding="utf-8"))), *of_cost(cost)]


def lines(goals: list[Goal]) -> Iterator[str]:
    """Each goal to read, those that are missed first."""
    for goal in sorted(goals, key=lambda goal: (goal.reached is not False, goal.reached is True)):
        yield f"{VERDICT[goal.reached]:>12}: {goal.what}: {goal.value or '-'} (goal {goal.wanted})"


def table_of_cost() -> str:
    """What `make cost` has counted, as a table of a document: Tidegate's worker, and nginx in brackets."""
    cost = json.loads(COST.read_text(encoding="utf-8"))
    columns = [(piece, clients) for piece, by_clients in cost["counts"].items() for clients in by_clients]
    rows = [["outside the kernel: thousand instructions"], ["system calls"]]
    for piece, clients in columns:
        seen = cost["counts"][piece][clients]
        ours, nginx = seen[OURS], seen["nginx"]
        rows[0].append(f"{ours['instructions'] / 1000:.2f} ({nginx['instructions'] / 1000:.2f})")
        rows[1].append(f"{ours['system calls']:.1f} ({nginx['system calls']:.1f})")
    heading = ["Tidegate (nginx)", *(f"a {piece}, {clients}" for piece, clients in columns)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, ["---"] * len(heading), *rows))


def table(goals: list[Goal]) -> str:
    """The goals as a table of a document."""
    rows = [f"| {goal.what} | {goal.wanted} | {goal.value} | {VERDICT[goal.reached]} |" for goal in goals]
    return "\n".join(("| figure | goal | last kept run | |", "| --- | --- | --- | --- |", *rows))
