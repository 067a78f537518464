"""The chart's files that are made from others."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.ship.chart_files import BEGIN, CHART, COPIES, END, documented_values, made
from tests.ship.pods import MAY_BE_SECRET, SECRETS
from tidegate import __version__
from tidegate.settings.reading.names import leaves, variable_of

CHART_YAML = yaml.safe_load((CHART / "Chart.yaml").read_text())


@pytest.mark.parametrize("path", made(), ids=lambda path: path.name)
def test_files_that_are_made_from_others_are_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == made()[path], f"{path} is stale: make docs"


def test_rules_and_dashboard_are_the_same_bytes_as_those_that_are_shipped_without_the_chart() -> None:
    for copy, origin in COPIES.items():
        assert copy.read_bytes() == origin.read_bytes(), f"{copy} is stale: make docs"


def test_the_chart_is_that_of_this_version_of_the_program() -> None:
    assert CHART_YAML["appVersion"] == __version__
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", CHART_YAML["version"])


def test_every_value_is_explained() -> None:
    documented = [key for key, _, _ in documented_values()]
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def undocumented(part: object, path: str) -> list[str]:
        if path in documented:
            return []
        if isinstance(part, dict) and part:
            return [key for name, below in part.items() for key in undocumented(below, f"{path}.{name}".lstrip("."))]
        return [path]

    assert undocumented(values, "") == []
    assert len(set(documented)) == len(documented)
    assert all(meaning and "|" not in meaning for _, _, meaning in documented_values())


def test_the_table_of_the_readme_has_the_defaults() -> None:
    table = (CHART / "README.md").read_text().split(BEGIN)[1].split(END)[0]
    assert "| `replicas` | `2` |" in table
    assert "| `networkPolicy.egress.apiServerPorts` | `[443, 6443]` |" in table


def test_secrets_are_those_of_the_settings() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    (pattern,) = schema["properties"]["secretConfig"]["patternProperties"]
    for keys in leaves():
        variable = variable_of(keys).removeprefix("TIDEGATE_").replace("<NAME>", "CHAT-2")
        assert bool(re.search(pattern, variable)) == (keys in SECRETS | MAY_BE_SECRET), variable
