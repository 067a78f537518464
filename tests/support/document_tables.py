"""The tables of settings and metrics in the documents, made from the code: `make docs` writes them, a test compares them.

A table stands between `<!-- metrics: -->`, `<!-- settings: LISTEN HEALTH__ -->`, `<!-- goals: -->`, `<!-- cost: -->`,
`<!-- scale: SESSIONS -->`, `<!-- runs: -->` or `<!-- strikes: -->` and the mark of its end. The words of settings are names
of variables without `TIDEGATE_`, or with a `_` at the end the beginning of names. All but the first two have what the kept
runs of `make bench`, `make cost`, `make scale` and `make soak` say.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.bench import goals
from tests.faults import records
from tests.scale import curve
from tidegate.control.log import ControlLog
from tidegate.control.process import Process
from tidegate.control.report.metrics.page import sections
from tidegate.control.totals import Totals
from tidegate.control.workers.processes import Workers
from tidegate.link.board import Board
from tidegate.link.log_stream import LogStream
from tidegate.settings.own_variables import PREFIX
from tidegate.settings.variables import variables

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
KINDS = "metrics|settings|goals|cost|scale|runs|strikes"
TABLE = re.compile(rf"<!-- ({KINDS}): ?([A-Z_ ]*)-->.*?<!-- end of \1 -->", re.DOTALL)


def settings_table(words: str) -> str:
    """The variables of the flat form that these words name."""
    chosen = [variable for variable in variables() if is_named(variable.name, words)]
    rows = [f"| `{variable.name}` | {variable.default} | {variable.meaning} |" for variable in chosen]
    return "\n".join(("| variable | default | meaning |", "| --- | --- | --- |", *rows))


def is_named(variable: str, words: str) -> bool:
    """Whether a word is the variable's name, or the beginning of it."""
    name = variable.removeprefix(PREFIX)
    return any(name.startswith(word) if word.endswith("_") else name == word for word in words.split())


def metrics_table() -> str:
    """Every metric, but for the `process_*` ones."""
    totals = Totals(Board.create(1))
    workers = Workers(1, totals, lambda _worker: None, lambda *_news: None, {})
    rows = sorted(_metric_rows(Process(totals, {}, {}, workers, ControlLog(LogStream(1)))))
    return "\n".join(("| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows))


def _metric_rows(process: Process) -> Iterator[str]:
    for section in sections(process):
        for metric in section.metrics:
            labels = ", ".join(f"`{label}`" for label in (*section.labels, *metric.own_labels))
            yield f"| `{metric.name}` | {metric.type} | {labels or 'none'} | {metric.help} |"


def with_tables(document: str) -> str:
    """A document with its tables as the code says they are."""

    def table(found: re.Match[str]) -> str:
        kind, words = found.groups()
        match kind:
            case "metrics":
                text = metrics_table()
            case "goals":
                text = goals.table(goals.kept())
            case "cost":
                text = goals.table_of_cost()
            case "runs":
                text = records.table()
            case "strikes":
                text = records.strikes_table()
            case "scale":
                text = curve.kept(words.strip().lower()).markdown()
            case _:
                text = settings_table(words)
        return f"<!-- {kind}: {words}-->\n{text}\n<!-- end of {kind} -->"

    return TABLE.sub(table, document)


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
