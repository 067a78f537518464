"""Reads the YAML file into entries."""

import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path as FilePath

from tidegate.settings.checks.problem import Problems, problem, quoted
from tidegate.settings.checks.suggestion import nearest
from tidegate.settings.reading.document import Document, DocumentError
from tidegate.settings.reading.entry import Entry
from tidegate.settings.reading.names import (
    ANY_NAME,
    CONFIG_FILE,
    NAME_EXPECTED,
    TREE,
    Branch,
    Path,
    dotted,
    is_name,
    named_forms,
)

LARGEST_FILE = 1 << 20


class ConfigFile:
    """The entries of the file, and its problems. A key without a value makes no entry.

    `is_broken` is true when the file could not be read or is not YAML: its settings are then unknown.
    """

    def __init__(self, name: str) -> None:
        self.entries: list[Entry] = []
        self.problems = Problems()
        self.is_broken = False
        self._name = name
        self._document = Document()
        if name:
            self._load()

    def _load(self) -> None:
        from tidegate.settings.reading.yaml_document import parse_document  # noqa: PLC0415  a megabyte that most do not need

        try:
            self._document = parse_document(_read(self._name))
        except DocumentError as error:
            self._break(problem(f"{self._name}:{error.line}", str(error)))
        except OSError as error:
            self._break(problem(CONFIG_FILE, f"{quoted(self._name)}: cannot be read: {error.strerror or error}"))
        except ValueError as error:
            self._break(problem(CONFIG_FILE, f"{quoted(self._name)}: {error}"))
        else:
            self._walk(self._document.values, TREE, ())

    def _break(self, line: str) -> None:
        self.problems.append(line)
        self.is_broken = True

    def _walk(self, values: Mapping[str, object], branch: Branch, keys: Path) -> None:
        for key, value in values.items():
            here = (*keys, key)
            if not _fits(key, branch):
                self.problems.add(self._where(here), partial(_objection, key, branch))
            elif ANY_NAME in branch:
                self._read_key({} if value in (None, "") else value, branch[ANY_NAME], here)
            else:
                self._read_key(value, branch[key], here)

    def _read_key(self, value: object, below: Branch | None, keys: Path) -> None:
        if value in (None, ""):
            return
        if below is None:
            self._add(keys, value, is_branch=False)
        elif isinstance(value, Mapping):
            self._add(keys, None, is_branch=True)
            self._walk(value, below, keys)
        else:
            self.problems.add(self._where(keys), partial(_no_mapping, value, below))

    def _add(self, keys: Path, value: object, *, is_branch: bool) -> None:
        for path in named_forms(keys):
            lines = {} if is_branch else self._lines_below(path, keys, value)
            self.entries.append(Entry(path, keys, value, self._where(keys), lines, is_branch))

    def _lines_below(self, path: Path, keys: Path, value: object) -> dict[Path, str]:
        """Return the places of a list's items, and of the keys in them."""
        below: list[Path] = []
        for index, item in enumerate(value if isinstance(value, list) else ()):
            below.append((index,))
            below.extend((index, key) for key in (item if isinstance(item, Mapping) else ()))
        return {(*path, *rest): self._where((*keys, *rest)) for rest in below}

    def _where(self, keys: Path) -> str:
        return f"{self._name}:{self._document.lines.get(keys, 1)} {dotted(keys)}"


def _fits(key: str, branch: Branch) -> bool:
    """Whether a key may be written below a branch."""
    return is_name(key) if ANY_NAME in branch else key in branch


def _objection(key: str, branch: Branch) -> str:
    """Return the message about a key that does not fit."""
    if ANY_NAME in branch:
        return NAME_EXPECTED
    near = nearest(key, branch)
    return f"unknown key: did you mean {near}?" if near else f"unknown key: valid are {', '.join(branch)}"


def _no_mapping(value: object, below: Branch) -> str:
    return f"{quoted(value)}: this holds several settings: expected a mapping of {', '.join(below)}"


def _read(name: str) -> str:
    """Return the text of a file; raises OSError and ValueError."""
    path = FilePath(name)
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("not a regular file: expected a YAML file")
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError("too large: expected at most 1MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}: expected a YAML file in UTF-8") from None
