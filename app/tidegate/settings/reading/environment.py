"""Reads the variables of the environment into entries."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from tidegate.settings.checks.problem import Problems
from tidegate.settings.checks.suggestion import nearest
from tidegate.settings.own_variables import PREFIX
from tidegate.settings.reading.entry import Entry
from tidegate.settings.reading.names import (
    ANY_NAME,
    CONFIG_FILE,
    NAME_EXPECTED,
    TREE,
    Branch,
    is_name,
    leaves,
    named_forms,
    variable_of,
)
from tidegate.settings.reading.service_links import is_service_link


class Environment:
    """The entries of the environment, and its problems. An empty variable makes no entry.

    Variables that kubelet sets for a Service whose name begins with tidegate are ignored, unless they are settings.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.entries: list[Entry] = []
        self.problems = Problems()
        for variable in environ:
            if variable.startswith(PREFIX) and variable != CONFIG_FILE:
                self._read(variable, environ[variable])

    def _read(self, variable: str, value: str) -> None:
        keys = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        objection = _objection(variable, keys)
        if objection is not None:
            if not is_service_link(variable, value):
                self.problems.add(variable, objection)
        elif value.strip():
            self.entries.extend(Entry(path, keys, value, variable) for path in named_forms(keys))


def _objection(variable: str, keys: tuple[str, ...]) -> Callable[[], str] | None:
    """Return a function that makes the message about a wrong name of a variable; None if the name is right."""
    if not variable.isascii() or variable != variable.upper():
        return partial(_unknown_at_top, keys)
    branch: Branch | None = TREE
    for depth, key in enumerate(keys):
        if branch is None:
            return partial(_unknown, variable_of(keys[:depth]), "")
        if ANY_NAME in branch and not is_name(key):
            return lambda: NAME_EXPECTED
        if ANY_NAME not in branch and key not in branch:
            return partial(_unknown_below, keys[:depth], key, branch) if depth else partial(_unknown_at_top, keys)
        branch = branch[ANY_NAME if ANY_NAME in branch else key]
    return None if branch is None else partial(_several, branch, keys)


def _several(branch: Branch, keys: tuple[str, ...]) -> str:
    return f"this holds several settings: give {_listed(branch, keys)}"


def _unknown_below(parents: tuple[str, ...], key: str, branch: Branch) -> str:
    near = nearest(key, [leaf[0] for leaf in leaves(branch) if len(leaf) == 1])
    return _unknown(variable_of((*parents, near)) if near else None, _listed(branch, parents))


def _unknown_at_top(keys: tuple[str, ...]) -> str:
    near = nearest("__".join(keys), [*_known(keys), "config_file"])
    flat = {key: below for key, below in TREE.items() if below is None or ANY_NAME not in below}
    named = [f"{PREFIX}{key.upper()}__{ANY_NAME}__..." for key in TREE if key not in flat]
    return _unknown(variable_of((near,)) if near else None, ", ".join([_listed(flat), *named, CONFIG_FILE]))


def _unknown(near: str | None, valid: str) -> str:
    return f"unknown variable: did you mean {near}?" if near else f"unknown variable: valid are {valid}"


def _listed(branch: Branch, parents: tuple[str, ...] = ()) -> str:
    return ", ".join(variable_of(leaf) for leaf in leaves(branch, parents))


def _known(keys: tuple[str, ...]) -> Iterator[str]:
    """Yield all valid keys, joined; for `ANY_NAME` with the name of a listener or pool as written in `keys`."""
    for leaf in leaves():
        named = len(keys) > 1 and ANY_NAME in leaf
        yield "__".join((leaf[0], keys[1], *leaf[2:]) if named else leaf)
