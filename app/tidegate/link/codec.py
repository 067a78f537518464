"""Messages as they cross the link: one JSON object per line, with the fields of the message and its `type`."""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args

import orjson

from tidegate.core.connection_options import ConnectionOptions
from tidegate.core.listener_options import ListenerOptions
from tidegate.core.pools.options import PoolOptions
from tidegate.link.compact import compact
from tidegate.link.messages import (
    AffinityEntry,
    AffinityLearned,
    AffinityTold,
    BackendEntry,
    BackendsChanged,
    ListenerAdded,
    Message,
    PoolAdded,
    SessionEntry,
    Sessions,
)

if TYPE_CHECKING:
    from tidegate.core.preface.routes import Route

_TYPES: dict[str, type[Message]] = {kind.__name__: kind for kind in get_args(Message)}


def _entries(kind: type[BackendEntry | AffinityEntry | SessionEntry]) -> Callable[[list[dict[str, Any]]], object]:
    return lambda items: [kind(**item) for item in items]


def _pool_options(item: dict[str, Any]) -> PoolOptions:
    return PoolOptions(**item | {"connection": ConnectionOptions(**item["connection"])})


def _route(pool: str, sni: list[str], alpn: list[str], hosts: list[str], path_prefix: str) -> "Route":
    from tidegate.core.preface.routes import Route  # noqa: PLC0415  few listeners have any

    return Route(pool, tuple(sni), tuple(alpn), tuple(hosts), path_prefix)


def _listener_options(item: dict[str, Any]) -> ListenerOptions:
    routes = [_route(**route) for route in item["routes"]]
    return ListenerOptions(**item | {"connection": ConnectionOptions(**item["connection"]), "routes": routes})


_NESTED: dict[type[Message], tuple[str, Callable[[Any], object]]] = {
    PoolAdded: ("options", _pool_options),
    ListenerAdded: ("options", _listener_options),
    BackendsChanged: ("changed", _entries(BackendEntry)),
    AffinityTold: ("entries", _entries(AffinityEntry)),
    AffinityLearned: ("entries", _entries(AffinityEntry)),
    Sessions: ("sessions", _entries(SessionEntry)),
}
"""The field of a message that is made of other values, and how these are read."""


def encode(message: Message) -> bytes:
    """One line of JSON, newline included."""
    body = {each.name: getattr(message, each.name) for each in fields(message)}
    return compact(orjson.dumps({"type": type(message).__name__, **body}, option=orjson.OPT_APPEND_NEWLINE))


def decode(line: bytes | bytearray | memoryview) -> Message:
    """The message of one line. Both ends run the same version, so a line that does not fit is a programming error."""
    body = orjson.loads(line)
    kind = _TYPES[body.pop("type")]
    if nested := _NESTED.get(kind):
        name, read = nested
        body[name] = read(body[name])
    return kind(**body)
