"""The two lists beside this module: bugs that are always planted, and mutants that change nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.mutants.mutant import Mutant, Name

HERE = Path(__file__).parent


def planted() -> list[tuple[Mutant, str]]:
    """The bugs of `planted.yaml`, each with the tests that must notice it. ValueError if a source has lost their text."""
    return [(_bug(entry), entry["tests"]) for entry in _read("planted.yaml")]


def equivalents() -> set[Name]:
    """The names of the mutants of `equivalents.yaml`; where an entry says no change, those of all changes of its line."""
    return {
        (entry["file"], mutant["line"], mutant.get("change", ""))
        for entry in _read("equivalents.yaml")
        for mutant in entry["mutants"]
    }


def _read(name: str) -> list[Mapping[str, Any]]:
    entries: list[Mapping[str, Any]] = yaml.safe_load((HERE / name).read_text())
    return entries


def _bug(entry: Mapping[str, Any]) -> Mutant:
    file, old, source = entry["file"], entry["old"].rstrip("\n"), Path(entry["file"]).read_text()
    if source.count(old) != 1:
        raise ValueError(f"planted.yaml: {file} does not contain this once: {old}")
    start = len(source[: source.index(old)].encode())
    return Mutant(file, old, entry["bug"], start, start + len(old.encode()), entry["new"].rstrip("\n"))
