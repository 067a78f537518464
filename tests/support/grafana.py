"""The dashboard as Grafana reads it: panels, their queries, and variables put into them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards" / "tidegate.json"
ALL: Sequence[str] = ()
"""As a choice: everything, which is what a variable's `allValue` says."""


@dataclass(frozen=True)
class Query:
    """One query of a panel."""

    panel: str
    ref: str
    expression: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.panel} ({self.ref})"


class Dashboard:
    """The file that is shipped."""

    def __init__(self, path: Path = DASHBOARD) -> None:
        self.json: dict[str, Any] = json.loads(path.read_text())

    @property
    def panels(self) -> list[dict[str, Any]]:
        """All that show something: rows are headings."""
        return [panel for panel in self.json["panels"] if panel["type"] != "row"]

    @property
    def variables(self) -> dict[str, dict[str, Any]]:
        """Those that are asked from Prometheus, by name."""
        return {variable["name"]: variable for variable in self.json["templating"]["list"] if variable["type"] == "query"}

    def queries(self) -> Iterator[Query]:
        """Of all panels, and of the annotations."""
        for panel in self.panels:
            for target in panel["targets"]:
                yield Query(panel["title"], target["refId"], target["expr"], target["instant"])
        for annotation in self.json["annotations"]["list"]:
            yield Query(annotation["name"], "annotation", annotation["expr"], instant=False)

    def filled(self, expression: str, chosen: Mapping[str, Sequence[str]], *, scrape_interval: float, seconds: int) -> str:
        """An expression with these choices for the variables, over so many seconds, as Grafana asks it."""
        values = {
            "__rate_interval": f"{4 * scrape_interval * 1000:.0f}ms",
            "__range": f"{seconds}s",
            **{name: self._choice(name, chosen[name]) for name in self.variables},
        }
        return re.sub(r"\$(\w+)", lambda match: values[match[1]], expression)

    def _choice(self, name: str, chosen: Sequence[str]) -> str:
        if chosen is ALL:
            return str(self.variables[name]["allValue"])
        escaped = [re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value) for value in chosen]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
