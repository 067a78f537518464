"""The JSON Schema of the chart's `config`, made from the settings model: the tree of the YAML file, flat and named form.

It is of draft 7, which Helm 3 and editors know, too.
"""

import re
from typing import Any

from tidegate.settings.model import Settings
from tidegate.settings.parts.listener import ListenerSettings
from tidegate.settings.parts.pool import PoolSettings
from tidegate.settings.reading.names import OF_LISTENER

Schema = dict[str, Any]
REFERENCE = "#/definitions/{model}"
NAMES = "^[a-z0-9_-]{1,63}$"
LISTS = {"backends", "bind", "listen", "routes"}
WRITTEN_AS_TEXT_TOO = {"BackendSettings", "RouteSettings"}
NOT_FOR_PEOPLE = {"title", "default", "default_text", "required"}


def config_definitions() -> dict[str, Schema]:
    """Every part of the settings by name; `Settings` is the whole tree as it may be written."""
    tree = Settings.model_json_schema(ref_template=REFERENCE)
    parts: dict[str, Schema] = tree.pop("$defs")
    listener, pool = parts[ListenerSettings.__name__], parts[PoolSettings.__name__]
    flat = {key: listener["properties"][name] for key, name in OF_LISTENER.items()}
    tree["properties"] = {**flat, **pool["properties"], **tree["properties"]}
    tree["description"] = "Tidegate's settings, as in its YAML file."
    parts[Settings.__name__] = tree
    return {name: _plain(part) for name, part in sorted(parts.items())}


def _plain(part: Schema) -> Schema:
    properties = {key: _property(key, schema) for key, schema in part["properties"].items()}
    kind = ["string", "object"] if part["title"] in WRITTEN_AS_TEXT_TOO else "object"
    return {**_without(part), "type": kind, "properties": properties, "additionalProperties": False}


def _property(key: str, schema: Schema) -> Schema:
    schema = _without(schema)
    if key in LISTS:
        items = _without(schema["items"])
        text = {"pattern": _list_of(items["pattern"])} if "pattern" in items else {}
        return {"description": schema["description"], "type": ["string", "array"], **text, "items": items}
    if isinstance(schema.get("additionalProperties"), dict):
        return {
            "description": schema["description"],
            "type": "object",
            "patternProperties": {NAMES: schema["additionalProperties"]},
            "additionalProperties": False,
        }
    if "pattern" in schema:
        schema["pattern"] = re.sub(r"\{0,[0-9]{4,}\}", "*", schema["pattern"])  # Go's expressions count to 1000
    return schema


def _list_of(pattern: str) -> str:
    """The pattern of a comma list of what another one matches."""
    one = pattern.removeprefix("^").removesuffix("$")
    return rf"^\s*{one}(\s*,\s*{one})*\s*,?\s*$"


def _without(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in NOT_FOR_PEOPLE}
