"""The notations of single values: the first byte chooses one, the rest is the text."""

from tests.fuzz.reasons import check_reason
from tidegate.settings.notation.addresses import BACKEND_ADDRESS, BIND, HOST_AND_PORT, LISTEN_ADDRESS
from tidegate.settings.notation.headers import HEADERS
from tidegate.settings.notation.probe_text import EXPRESSION, IP_ADDRESS, PASSWORD, SERVER_NAME, escaped_bytes
from tidegate.settings.notation.values import (
    STATUSES,
    SWITCH,
    TOKEN,
    Notation,
    choice,
    duration,
    factor,
    short_duration,
    size,
    whole_number,
)
from tidegate.settings.secrets import Headers, Secret
from tidegate.settings.words import HealthType

NOTATIONS: dict[str, Notation] = {
    "d": duration(),
    "s": short_duration(),
    "z": size(1, 1 << 30, zero="off"),
    "n": whole_number(0, 1_000_000),
    "f": factor(1.05, 100.0),
    "c": choice(HealthType),
    "w": SWITCH,
    "a": BACKEND_ADDRESS,
    "l": LISTEN_ADDRESS,
    "b": BIND,
    "r": HOST_AND_PORT,
    "t": TOKEN,
    "h": HEADERS,
    "u": STATUSES,
    "x": EXPRESSION,
    "i": IP_ADDRESS,
    "v": SERVER_NAME,
    "p": PASSWORD,
    "e": escaped_bytes(64),
}
"""By a letter, so that a new notation does not change what the kept inputs mean."""


def target(data: bytes) -> None:
    """Read a text. What is written for its value, unless that is a secret, reads as the same value."""
    notation = NOTATIONS.get(data[:1].decode("latin-1"))
    if notation is None:
        return
    try:
        value = notation.read(data[1:].decode(errors="surrogateescape"))
    except ValueError as error:
        check_reason(error, 500 + 10 * len(data))  # a part of the text may be in it, escaped
        return
    if not isinstance(value, Secret | Headers):
        assert notation.read(notation.write(value)) == value
