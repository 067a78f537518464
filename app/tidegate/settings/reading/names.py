"""The names of every setting: its path in the tree, its variable, and its key in the flat form."""

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias, get_args, get_origin

from pydantic import BaseModel

from tidegate.settings.model import Settings
from tidegate.settings.own_variables import PREFIX
from tidegate.settings.parts.connection import ConnectionSettings
from tidegate.settings.parts.listener import ListenerSettings
from tidegate.settings.parts.pool import PoolSettings

CONFIG_FILE = "TIDEGATE_CONFIG_FILE"
ANY_NAME = "<NAME>"
NAME_EXPECTED = "expected a name of 1 to 63 characters from a-z, 0-9, _ and -"

_NAME = re.compile(r"[a-z0-9_-]{1,63}")

Path: TypeAlias = tuple[str | int, ...]
"""Keys from the root of the tree in its named form, like `("pools", "default", "backends", 1)`."""

Branch: TypeAlias = Mapping[str, "Branch | None"]
"""Keys, each with its branch, or None for a value. Where names are free, `ANY_NAME` is the only key."""


def _branch(model: type[BaseModel]) -> Branch:
    return {key: _below(field.annotation) for key, field in model.model_fields.items()}


def _below(annotation: object) -> Branch | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _branch(annotation)
    if get_origin(annotation) is Mapping:
        return {ANY_NAME: _below(get_args(annotation)[1])}
    return None


OF_LISTENER: Mapping[str, str] = {
    "listen": "bind",
    **{key: key for key in ListenerSettings.model_fields if key not in {"bind", "pool"}},
}
"""The keys of a listener in the flat form, each with its key in the named form."""

OF_BOTH = frozenset(ConnectionSettings.model_fields)
"""The keys of the flat form that set both the listener and the pool."""

_FLAT_OF_LISTENER = {named: flat for flat, named in OF_LISTENER.items()}

_LISTENER = _branch(ListenerSettings)

TREE: Branch = {
    "listen": None,
    **{key: below for key, below in _branch(PoolSettings).items() if key not in OF_BOTH},
    **{flat: _LISTENER[named] for flat, named in OF_LISTENER.items()},
    **_branch(Settings),
}
"""Every valid key, in the flat and in the named form."""


def is_name(text: str) -> bool:
    """Whether the text may be the name of a listener or a pool."""
    return _NAME.fullmatch(text) is not None


def named_forms(keys: Path) -> list[Path]:
    """Return the paths in the named form of keys that may be in the flat form: two if they set both listener and pool."""
    paths: list[Path] = []
    if keys[0] in OF_LISTENER:
        paths.append(("listeners", "default", OF_LISTENER[str(keys[0])], *keys[1:]))
    if keys[0] in PoolSettings.model_fields:
        paths.append(("pools", "default", *keys))
    return paths or [keys]


def flat_form(path: Path) -> Path:
    """Return the keys in the flat form of a path in the named form; the path itself if it has no flat form."""
    if path[:2] == ("listeners", "default") and len(path) > 2 and path[2] in _FLAT_OF_LISTENER:
        return (_FLAT_OF_LISTENER[str(path[2])], *path[3:])
    if path[:2] == ("pools", "default") and len(path) > 2:
        return path[2:]
    return path


def variable_of(keys: Path) -> str:
    """Return the name of the variable for keys. An index into a list is left out: items have no variable."""
    return PREFIX + "__".join(key for key in keys if isinstance(key, str)).upper()


def dotted(keys: Path) -> str:
    """Return keys as shown for a file: `pools.chat.backends[1].weight`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{_shown(key)}" for key in keys).removeprefix(".")


def _shown(key: str) -> str:
    return key if is_name(key) else repr(key[:63])


def leaves(branch: Branch = TREE, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the keys of every value below a branch."""
    for key, below in branch.items():
        if below is None:
            yield (*keys, key)
        else:
            yield from leaves(below, (*keys, key))
