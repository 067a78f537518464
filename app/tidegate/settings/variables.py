"""Lists the variables of the flat form with their defaults and meanings, for the documents."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tidegate.settings.derived_defaults import DEFAULT_BIND
from tidegate.settings.model import Settings
from tidegate.settings.parts.connection import ConnectionSettings
from tidegate.settings.parts.listener import ListenerSettings
from tidegate.settings.parts.pool import PoolSettings
from tidegate.settings.reading.names import CONFIG_FILE, OF_BOTH, OF_LISTENER, variable_of

_NO_DEFAULT = "–"  # noqa: RUF001 as in the tables of the documentation


class Variable(NamedTuple):
    """One variable: its name, its default as Markdown, and its meaning."""

    name: str
    default: str
    meaning: str


def variables() -> list[Variable]:
    """Return every variable of the flat form: of the listener, of the pool, of both, and of the process."""
    file = Variable(CONFIG_FILE, _NO_DEFAULT, "YAML file with the same tree; variables win over it")
    listen, *limits = _of_listener()
    of_pool = _variables(PoolSettings, without=OF_BOTH)
    of_process = _variables(Settings, without=("listeners", "pools"))
    return [listen, *of_pool, *_variables(ConnectionSettings), *limits, *of_process, file]


def _of_listener() -> Iterator[Variable]:
    defaults = ListenerSettings.model_construct(pool="").model_dump(mode="json", exclude_none=True)
    for key, name in OF_LISTENER.items():
        if key in OF_BOTH:
            continue
        field = ListenerSettings.model_fields[name]
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _variables(field.annotation, (key,))
            continue
        default = f"`{DEFAULT_BIND}`" if name == "bind" else _default(field, defaults.get(name))
        yield Variable(variable_of((key,)), default, _meaning(field))


def _variables(model: type[BaseModel], keys: tuple[str, ...] = (), without: Collection[str] = ()) -> Iterator[Variable]:
    defaults = model.model_construct().model_dump(mode="json", exclude_none=True)
    for key, field in model.model_fields.items():
        annotation = field.annotation
        if key in without:
            continue
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _variables(annotation, (*keys, key))
        else:
            yield Variable(variable_of((*keys, key)), _default(field, defaults.get(key)), _meaning(field))


def _default(field: FieldInfo, value: object) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict):
        return str(extra["default_text"])
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value not in (None, [], ()) else _NO_DEFAULT


def _meaning(field: FieldInfo) -> str:
    return field.description or ""
