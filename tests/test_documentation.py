"""What the documents say is what the code says."""

import re
from pathlib import Path

import pytest

from tests.support.document_tables import DOCUMENTS, TABLE, is_named, metrics_table, with_tables
from tidegate.settings.variables import variables

ROOT = Path(__file__).parents[1]
OF_EXAMPLES = sorted(path for path in (ROOT / "deploy").rglob("README.md") if "node_modules" not in path.parts)
PAGES = (*DOCUMENTS, ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md", *OF_EXAMPLES)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#([^)\s]*))?\)|\]\(#([^)\s]*)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
NAMED_PATH = re.compile(r"`((?:app|deploy|docs|helm|tests)/[\w./-]+)`")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_tables_of_a_document_say_what_the_code_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == with_tables(text), "run `make docs`"


def test_every_setting_is_in_a_table() -> None:
    words = " ".join(found for path in DOCUMENTS for _, found in TABLE.findall(path.read_text(encoding="utf-8")))
    assert [variable.name for variable in variables() if not is_named(variable.name, words)] == []


def test_one_page_has_the_table_of_all_metrics() -> None:
    assert [path.name for path in DOCUMENTS if metrics_table() in path.read_text(encoding="utf-8")] == ["metrics.md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_metric_that_a_page_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"\btidegate_[a-z_]+", text)) - set(re.findall(r"`(tidegate_\w+)`", metrics_table())) == set()


def test_every_invariant_in_the_architecture_page_names_a_test_that_exists() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = page.partition("## Invariants")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d) \|.*\| `(tests/\S+\.py)` `(test_\w+)` \|$", section, re.MULTILINE)
    assert list(dict.fromkeys(number for number, *_ in rows)) == [str(number) for number in range(1, 10)]
    for _, path, name in rows:
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path} has no {name}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(path: Path) -> None:
    for name, heading, own_heading in LINK.findall(path.read_text(encoding="utf-8")):
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{path.name} links to {name}, which does not exist"
        if anchor := heading or own_heading:
            assert anchor in _anchors(target), f"{path.name} links to #{anchor}, which {target.name} does not have"


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_the_tree_that_a_page_names_exists(path: Path) -> None:
    for name in NAMED_PATH.findall(path.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), f"{path.name} names {name}, which does not exist"


def test_the_lock_files_name_no_registry_and_no_path() -> None:
    for path in [*(ROOT / "requirements").glob("*.txt"), ROOT / "tests/support/node/package-lock.json"]:
        assert not re.search(r"://|file:|\bresolved\b", path.read_text(encoding="utf-8")), path
