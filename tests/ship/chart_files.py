"""The chart's files that are made from others: its README, the settings in its schema, the rules and the dashboard."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from tests.ship.config_schema import config_definitions

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "tidegate"
COPIES = {
    CHART / "files" / "rules.yaml": ROOT / "deploy" / "prometheus" / "rules" / "tidegate.yaml",
    CHART / "files" / "dashboard.json": ROOT / "deploy" / "grafana" / "dashboards" / "tidegate.json",
}
BEGIN, END = "<!-- values: -->\n", "<!-- end of values -->"
COMMENT = "# -- "


def schema() -> str:
    """`values.schema.json` with the settings as the model says; all other parts are written in it by hand."""
    written = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    settings = config_definitions()
    others = {name: part for name, part in written["definitions"].items() if name[0].islower()}
    return json.dumps({**written, "definitions": {**others, **settings}}, indent=2, ensure_ascii=False) + "\n"


def readme() -> str:
    """The chart's README with the table of its values."""
    text = (CHART / "README.md").read_text("utf-8")
    before, rest = text.split(BEGIN)
    rows = [f"| `{key}` | `{default}` | {meaning} |" for key, default, meaning in documented_values()]
    table = "\n".join(("| value | default | meaning |", "| --- | --- | --- |", *rows))
    return f"{before}{BEGIN}{table}\n{END}{rest.split(END)[1]}"


def documented_values() -> Iterator[tuple[str, str, str]]:
    """Key, default and comment of everything in `values.yaml` that has a comment."""
    text = (CHART / "values.yaml").read_text("utf-8")
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    yield from _documented(root, (), text.splitlines())


def _documented(node: yaml.MappingNode, parents: tuple[str, ...], lines: list[str]) -> Iterator[tuple[str, str, str]]:
    for key, value in node.value:
        path = (*parents, str(key.value))
        comment = _comment_above(lines, key.start_mark.line)
        if comment:
            yield ".".join(path), _default(value), comment
        elif isinstance(value, yaml.MappingNode):
            yield from _documented(value, path, lines)


def _comment_above(lines: list[str], line: int) -> str:
    """The comment that begins with `# --` and ends right above a line."""
    words: list[str] = []
    while line and (text := lines[line - 1].strip()).startswith("#"):
        words.insert(0, text.removeprefix(COMMENT).removeprefix("# "))
        if text.startswith(COMMENT):
            return " ".join(words)
        line -= 1
    return ""


def _default(node: yaml.Node) -> str:
    return json.dumps(yaml.safe_load(yaml.serialize(node)), ensure_ascii=False)


@cache
def made() -> dict[Path, str]:
    """All files of the chart that are made from others, with what they should hold."""
    copies = {copy: origin.read_text("utf-8") for copy, origin in COPIES.items()}
    return {CHART / "values.schema.json": schema(), CHART / "README.md": readme(), **copies}


if __name__ == "__main__":
    for path, content in made().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
