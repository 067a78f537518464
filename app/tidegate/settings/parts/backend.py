"""Settings of one backend, written as `10.0.0.5:8001 weight=2 max_connections=500 backup no_check` or as a mapping."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from tidegate.core.address import Address
from tidegate.settings.notation.addresses import BACKEND_ADDRESS
from tidegate.settings.notation.values import SWITCH, whole_number
from tidegate.settings.parts.section import Section

_NUMBERS = ("weight", "max_connections")
_SWITCHES = ("backup", "no_check")


class BackendSettings(Section):
    """One backend, and how much of the traffic it takes."""

    address: Annotated[Address, BACKEND_ADDRESS] = Field(description="where it listens, as `host:port` or `unix:/path`")
    weight: Annotated[int, whole_number(1, 65535)] = Field(
        default=1, description="its share of new connections, compared with the weights of the others"
    )
    max_connections: Annotated[int, whole_number(0, 1_000_000, " (0 means no limit)")] = Field(
        default=0, description="connections it may have at once; 0 means no limit"
    )
    backup: Annotated[bool, SWITCH] = Field(
        default=False, description="whether it is used only when no other backend is usable"
    )
    no_check: Annotated[bool, SWITCH] = Field(
        default=False, description="whether it counts as up without being checked, whatever `HEALTH__TYPE` says"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, str):
            return _read_options(value)
        given = {key: item for key, item in value.items() if item not in ("", None)} if isinstance(value, Mapping) else {}
        if "address" not in given:
            raise ValueError(
                f"no address: expected host:port or unix:/path, or a mapping of address, {', '.join(_NUMBERS + _SWITCHES)}"
            )
        return given


def _read_options(text: str) -> dict[str, str]:
    if not text.strip():
        raise ValueError("no address: expected host:port or unix:/path, with options after it where there are any")
    address, *words = text.split()
    options = {"address": address}
    for word in words:
        name, value = _read_option(word)
        if name in options:
            raise ValueError(f"option {name} is given twice")
        options[name] = value
    return options


def _read_option(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if word in _SWITCHES:
        return name, "true"
    if name in _NUMBERS and equals:
        return name, value
    raise ValueError(f"unknown option {word!r}: expected weight=N, max_connections=N, backup or no_check")
