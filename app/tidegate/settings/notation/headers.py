"""The notation of HTTP headers for probes: `Name: value` pairs. The values may be secrets."""

import re
from collections.abc import Iterable, Iterator, Mapping

from tidegate.settings.notation.values import Notation
from tidegate.settings.secrets import MASK, Headers, Secret

MOST = 32
_PAIR = re.compile(r"""\s*+([^\s:,"]++)\s*+:\s*+("(?:[^"\\]|\\["\\])*+"\s*+|[^,"]*+)(?:,|$)""")  # never goes back: linear
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(r"[!-~](?:[\t -~]{0,4094}[!-~])?")
_EXPECTED = 'expected headers like X-Probe: tidegate, Cookie: "a=1, b=2"'
_SET_BY_THE_PROBE = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "expect",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-version",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)


def _read(value: object) -> Headers:
    if isinstance(value, Headers):
        return value
    pairs = list(_pairs(value))
    if not 1 <= len(pairs) <= MOST:
        raise ValueError(f"{_EXPECTED}: 1 to {MOST} of them")
    seen: set[str] = set()
    for name, text in pairs:
        _check(name, text)
        if name.lower() in seen:
            raise ValueError(f"{name} is given twice: expected each header once")
        seen.add(name.lower())
    return Headers(tuple((name, Secret(text)) for name, text in pairs))


def _pairs(value: object) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [(str(name), _text(name, text)) for name, text in value.items()]
    if not isinstance(value, str):
        raise ValueError(_EXPECTED)
    return _written(value)


def _text(name: object, value: object) -> str:
    if not isinstance(value, str | int | float | None):
        raise ValueError(f"the value of {str(name)[:64]!r} is a list or a mapping: expected one text")
    return "" if value is None else str(value)


def _written(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            raise ValueError(f"{_EXPECTED}; a value with a comma or a quote in it is written in quotes")
        name, value = match[1], match[2].rstrip()
        yield name, re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        position = match.end()


def _check(name: str, value: str) -> None:
    """Raise ValueError if the header is not valid. The error does not show the value."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:64]!r} is not the name of a header: {_EXPECTED}")
    if name.lower() == "host":
        raise ValueError("Host is not set here: give health.host")
    if name.lower() in _SET_BY_THE_PROBE:
        raise ValueError(f"{name} is set by the check itself: leave it out")
    if not _VALUE.fullmatch(value):
        raise ValueError(f"the value of {name} is not 1 to 4096 printable ASCII characters without line breaks")
    if value == MASK:
        raise ValueError(f"the value of {name} is the mask that stands for it, not a value")


_MAPPING = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}

HEADERS = Notation(_read, Headers.masked, {"anyOf": [{"type": "string"}, _MAPPING]})
