"""Settings of routes, written as `sni=a.example.com,*.b.example.com pool=chat; host=c.example.com path=/v1/ pool=api` or as
mappings."""

from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from tidegate.core.preface.name_pattern import parse_name_pattern
from tidegate.core.preface.packed_address import packed
from tidegate.core.preface.routes import Route
from tidegate.settings.notation.values import Notation, text
from tidegate.settings.parts.section import Section, items_of, split_list

MOST_ROUTES = 1000
MOST_VALUES = 1000
LONGEST_PROTOCOL = 255
_CONDITIONS = ("sni", "alpn", "host", "path")
_EXPECTED = "expected sni=NAMES, alpn=PROTOCOLS, host=NAMES or path=/PREFIX, and pool=NAME"


def _list_of(read: Callable[[str], str]) -> Notation:
    """The notation of a comma list, or a list, of values that `read` converts."""

    def read_all(value: object) -> tuple[str, ...]:
        items = items_of(value, MOST_VALUES)
        if not items or not all(isinstance(item, str) for item in items):
            raise ValueError("expected a comma list of names, or a list")
        return tuple(dict.fromkeys(read(str(item)) for item in items))

    return Notation(read_all, list, {"type": ["string", "array"], "items": {"type": "string"}})


def _read_protocol(value: str) -> str:
    protocol = value.strip()
    if not protocol.isascii() or not protocol.isprintable() or not 1 <= len(protocol) <= LONGEST_PROTOCOL:
        raise ValueError(f"expected the name of a protocol, like h2 or mqtt, of at most {LONGEST_PROTOCOL} characters")
    return protocol


def _read_server_name(value: str) -> str:
    name = parse_name_pattern(value)
    if packed(name):
        raise ValueError(f"{value!r}: TLS clients ask for names only, not for IP addresses")
    return name


NAMES, PROTOCOLS = _list_of(parse_name_pattern), _list_of(_read_protocol)
SERVER_NAMES = _list_of(_read_server_name)
PATH = text(r"/[!-~]{0,1023}", "the beginning of a path, like /socket.io/")


class RouteSettings(Section):
    """One route: all conditions that are given must hold."""

    sni: Annotated[tuple[str, ...] | None, SERVER_NAMES.or_none()] = Field(
        default=None, description="names that a TLS client asks for; `*.example.com` stands for one label more"
    )
    alpn: Annotated[tuple[str, ...] | None, PROTOCOLS.or_none()] = Field(
        default=None, description="protocols that a TLS client offers"
    )
    host: Annotated[tuple[str, ...] | None, NAMES.or_none()] = Field(
        default=None, description="hosts of an HTTP/1 request, without port; `*.example.com` stands for one label more"
    )
    path: Annotated[str | None, PATH.or_none()] = Field(
        default=None, description="what the path of an HTTP/1 request begins with"
    )
    pool: str = Field(description="name of the pool that such clients are given to; empty = they are reset")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        given = _read_words(value) if isinstance(value, str) else value
        if isinstance(given, Mapping) and isinstance(given.get("pool"), str):
            given = {**given, "pool": given["pool"].strip()}
        if not isinstance(given, Mapping) or given.get("pool") is None or not any(given.get(key) for key in _CONDITIONS):
            raise ValueError(_EXPECTED)
        return given

    @field_validator("host", "path")
    @classmethod
    def _of_one_protocol(cls, value: object, info: ValidationInfo) -> object:
        if value is not None and (info.data.get("sni") or info.data.get("alpn")):
            raise ValueError(
                "no connection has both a ClientHello and a request in clear: give sni and alpn, or host and path"
            )
        return value

    @property
    def route(self) -> Route:
        """The route that workers get."""
        return Route(self.pool, self.sni or (), self.alpn or (), self.host or (), self.path or "")


def _read_words(written: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for word in written.split():
        name, equals, value = word.partition("=")
        if not equals or name not in {*_CONDITIONS, "pool"}:
            raise ValueError(f"unknown {word!r}: {_EXPECTED}")
        if name in words:
            raise ValueError(f"{name} is given twice")
        words[name] = value
    return words


def route_items(value: object) -> list[object]:
    """Return the routes of a text with semicolons, or of a list, not yet read; raises ValueError for too many."""
    items: list[object] = [*split_list(value, ";")] if isinstance(value, str) else items_of(value, MOST_ROUTES)
    if len(items) > MOST_ROUTES:
        raise ValueError(f"expected at most {MOST_ROUTES} routes, not {len(items)}")
    return items


def pool_of(item: object) -> str:
    """Return the pool that a route, not yet read, leads to; empty if there is none."""
    if isinstance(item, str):
        found = [word.removeprefix("pool=") for word in item.split() if word.startswith("pool=")]
        return found[0] if found else ""
    pool = item.get("pool") if isinstance(item, Mapping) else ""
    return pool.strip() if isinstance(pool, str) else ""


ROUTES = BeforeValidator(route_items)
"""Text with semicolons, or a list."""
