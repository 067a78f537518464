"""Settings as given, each with the place where it is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tidegate.settings.reading.names import Path, dotted, flat_form, variable_of


@dataclass(frozen=True)
class Entry:
    """One given value, or a branch of the tree.

    `path` is always in the named form; `keys` are as written, in the flat or the named form. `where` is a variable or
    `file:line key`; `lines` has the places of a list's items. A branch has a place, but no value.
    """

    path: Path
    keys: Path
    value: object
    where: str
    lines: Mapping[Path, str] = field(default_factory=dict)
    is_branch: bool = False

    @property
    def is_flat(self) -> bool:
        """Whether the entry was written in the flat form."""
        return self.path != self.keys


class GivenEntries:
    """The entries of all sources. For the same path, a later source wins over an earlier one."""

    def __init__(self, *sources: Iterable[Entry]) -> None:
        self.all = tuple(entry for source in sources for entry in source)
        self.by_path: dict[Path, Entry] = {entry.path: entry for entry in self.all}

    def names(self, section: str) -> list[str]:
        """Return the names below `listeners` or `pools`, in the given order."""
        return list(dict.fromkeys(str(path[1]) for path in self.by_path if path[0] == section and len(path) > 1))

    def owner(self, path: Path) -> Entry | None:
        """Return the entry at a path, or the entry whose value contains the path; None if there is none."""
        owners = (self.by_path.get(path[:length]) for length in range(len(path), 0, -1))
        return next((entry for entry in owners if entry is not None and not entry.is_branch), None)

    def where(self, path: Path) -> str:
        """Return the place where a path is written or, if it is not given, where it would be."""
        entry = self.owner(path)
        if entry is not None:
            inner = (entry.lines.get(path[:length]) for length in range(len(path), len(entry.path), -1))
            return next((line for line in inner if line is not None), entry.where)
        branch = self.by_path.get(path[:-1])
        return f"{branch.where}.{dotted(path[-1:])}" if branch else variable_of(flat_form(path))


def tree_of(entries: Iterable[Entry]) -> dict[str, object]:
    """Return the entries as nested mappings."""
    tree: dict[str, object] = {}
    for entry in entries:
        *parents, last = entry.path
        branch = tree
        for key in parents:
            branch = _below(branch, str(key))
        if entry.is_branch:
            _below(branch, str(last))
        else:
            branch[str(last)] = entry.value
    return tree


def _below(branch: dict[str, object], key: str) -> dict[str, object]:
    below = branch.setdefault(key, {})
    if not isinstance(below, dict):
        raise TypeError(f"{key} is a value and has nothing below it")
    return below
