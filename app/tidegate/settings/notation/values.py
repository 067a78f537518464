"""The notations of single values: each reads a kind of value from text, and writes it back as the same text.

A notation also has a JSON Schema, for editors and charts, which check a file before the program does. It accepts every value
that `read` accepts in the form that people write, and may accept more.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from tidegate.settings.notation.statuses import StatusRanges
from tidegate.settings.notation.units import (
    DURATION,
    DURATION_EXAMPLES,
    SIZE,
    SIZE_EXAMPLES,
    format_duration,
    format_size,
    in_words,
    is_bare_number,
    parse_duration,
    parse_size,
)
from tidegate.settings.secrets import Secret

THIRTY_DAYS = 30 * 24 * 3600.0
LARGEST_BARE_NUMBER = 300


@dataclass(frozen=True)
class Notation:
    """Annotates a field: `read` converts text, or the value itself, to the value; `write` converts it back to text.

    `read` raises ValueError that says what would be valid. `schema` is JSON Schema; by default it accepts any text.
    """

    read: Callable[[object], object]
    write: Callable[[Any], object]
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})

    def or_none(self) -> Self:
        """Return this notation for a value that may also be None."""
        return type(self)(lambda value: None if value is None else self.read(value), self.write, self.schema)

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic call `read` to validate and `write` to dump."""
        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(self.write)
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Let pydantic put `schema` into the schema of all settings."""
        return dict(self.schema)


def number_schema(kind: str, least: float, most: float, text: str) -> dict[str, object]:
    """Return the schema of a number from `least` to `most`, or of a text that matches the regular expression `text`."""
    return {"type": [kind, "string"], "minimum": least, "maximum": most, "pattern": f"^(?:{text})$"}


def duration(least: float = 0.001, most: float = THIRTY_DAYS, note: str = "") -> Notation:
    """A duration in seconds, from `least` to `most`; `note` explains a special value in the error message."""
    bounds = f"from {format_duration(least)} to {format_duration(most)}{note}"

    def read(value: object) -> float:
        seconds = parse_duration(value)
        if not least <= seconds <= most:
            raise ValueError(f"expected a duration {bounds}, like {DURATION_EXAMPLES}")
        return seconds

    return Notation(read, format_duration, number_schema("number", least, most, DURATION))


def short_duration(least: float = 0.001) -> Notation:
    """A duration that is rarely minutes. It refuses a bare number above 300, which was probably meant in milliseconds."""
    any_length = duration(least)

    def read(value: object) -> object:
        seconds = any_length.read(value)
        assert isinstance(seconds, float)
        if seconds > LARGEST_BARE_NUMBER and is_bare_number(value):
            number = str(value).strip()
            as_meant = f"{number}s" if seconds % 60 else format_duration(seconds)
            raise ValueError(f"{number} is {in_words(seconds)}: write {number}ms or {as_meant}")
        return seconds

    return replace(any_length, read=read, schema=number_schema("number", least, LARGEST_BARE_NUMBER, DURATION))


def size(least: int, most: int, zero: str = "") -> Notation:
    """A number of bytes from `least` to `most`. With `zero`, which says what 0 means, 0 is valid, too."""
    bounds = f"from {format_size(least)} to {format_size(most)}{zero and f' (0 means {zero})'}"

    def read(value: object) -> int:
        count = parse_size(value)
        if not (least <= count <= most or (zero and count == 0)):
            raise ValueError(f"expected a size {bounds}, like {SIZE_EXAMPLES}")
        return count

    return Notation(read, format_size, number_schema("integer", 0 if zero else least, most, SIZE))


def whole_number(least: int, most: int, note: str = "") -> Notation:
    """An integer from `least` to `most`; a boolean is refused."""

    def read(value: object) -> int:
        number = _integer(value)
        if number is None or not least <= number <= most:
            raise ValueError(f"expected a whole number from {least} to {most}{note}")
        return number

    return Notation(read, int, number_schema("integer", least, most, "[0-9]{1,18}"))


def factor(least: float, most: float) -> Notation:
    """A number from `least` to `most`, or 0 for off."""

    def read(value: object) -> float:
        number = _decimal(value)
        if number is None or not (number == 0 or least <= number <= most):
            raise ValueError(f"expected 0 (off) or a number from {least:g} to {most:g}, like 1.25")
        return number

    schema = number_schema("number", 0, most, r"[0-9]{1,15}(\.[0-9]{1,15})?")
    return Notation(read, lambda number: int(number) if number.is_integer() else number, schema)


def choice(options: type[StrEnum]) -> Notation:
    """One word of an enumeration; upper and lower case are the same."""

    def read(value: object) -> StrEnum:
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in list(options):
            raise ValueError(f"expected one of {', '.join(options)}")
        return options(word)

    return Notation(read, str, {"enum": [str(option) for option in options]})


def text(pattern: str, expected: str) -> Notation:
    """Text that matches the regular expression `pattern` as a whole; `expected` is for the error message."""
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        if isinstance(value, str) and compiled.fullmatch(value.strip()):
            return value.strip()
        raise ValueError(f"expected {expected}")

    return Notation(read, str, {"type": "string", "pattern": f"^(?:{pattern})$"})


def _integer(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value.strip()):
        return int(value)
    return None


def _decimal(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", value.strip()):
        return float(value)
    return None


def _read_switch(value: object) -> bool:
    word = str(value).strip().lower() if isinstance(value, bool | str) else ""
    if word not in {"true", "yes", "false", "no"}:
        raise ValueError("expected true or false")
    return word in {"true", "yes"}


def _read_token(value: object) -> Secret:
    secret = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(secret, str) or not re.fullmatch(r"[!-~]{8,4096}", secret):
        raise ValueError("expected 8 to 4096 printable ASCII characters without spaces and line breaks")
    if not secret.strip("*"):
        raise ValueError("this is the mask that stands for a token, not a token")
    return Secret(secret)


def _read_statuses(value: object) -> StatusRanges:
    return value if isinstance(value, StatusRanges) else StatusRanges.parse(value)


_STATUSES = {"type": ["integer", "string"], "minimum": 100, "maximum": 599, "pattern": r"^[1-5][0-9]{2}[0-9,\s-]*$"}

SWITCH = Notation(_read_switch, bool, {"enum": [True, False, "true", "false", "yes", "no"]})
TOKEN = Notation(_read_token, str)
STATUSES = Notation(_read_statuses, str, _STATUSES)
