"""The README's tables of settings and metrics, made from the code: `make docs` writes them, a test compares them."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.control.log import ControlLog
from app.control.metrics import registry
from app.control.pools import LivePool
from app.control.process import Process
from app.control.totals import Totals
from app.control.workers import Workers
from app.link.board import Board
from app.link.log_stream import LogStream
from app.settings import PoolSettings, variables

README = Path(__file__).parents[2] / "README.md"


def settings_table() -> str:
    """Every variable of the flat form."""
    rows = [f"| `{variable.name}` | {variable.default} | {variable.meaning} |" for variable in variables()]
    return "\n".join(("| variable | default | meaning |", "| --- | --- | --- |", *rows))


def metrics_table() -> str:
    """Every metric, but for the `process_*` ones."""
    totals = Totals(Board.create(1))
    workers = Workers(1, totals, lambda _worker: None, lambda _message: None, lambda _message: None)
    settings = PoolSettings.model_validate({"backends": "127.0.0.1:1"})
    pools = {"default": LivePool("default", settings, "static", totals, lambda _pool, _changes: None)}
    rows = sorted(_metric_rows(Process(totals, pools, {}, workers, ControlLog(LogStream(1)))))
    return "\n".join(("| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows))


def _metric_rows(process: Process) -> Iterator[str]:
    for metric in registry(process).collect():
        if metric.name.startswith("tidegate_"):
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            labels = ", ".join(f"`{label}`" for label in getattr(metric, "_labelnames", ()))
            yield f"| `{name}` | {metric.type} | {labels or 'none'} | {metric.documentation} |"


def with_tables(readme: str) -> str:
    """The README with both tables as the code says they are."""
    for name, table in (("settings", settings_table()), ("metrics", metrics_table())):
        marks = (f"<!-- {name} -->", f"<!-- end of {name} -->")
        pattern = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
        text = f"{marks[0]}\n{table}\n{marks[1]}"
        readme = pattern.sub(lambda _match, text=text: text, readme)  # type: ignore[misc]
    return readme


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
