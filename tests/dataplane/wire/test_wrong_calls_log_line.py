"""Wrong calls of the log line: each says so, and none reads or writes what is not its own."""

import json
from typing import Any

import pytest

from tests.dataplane.wire.bench import BEYOND


def session_line(wire: Any, **given: Any) -> bytes:
    fields: dict[str, Any] = {
        "prefix": "s", "number": 7, "listener": "l", "pool": "p", "backend": "b", "host": "127.0.0.1", "port": 1, "sent": 2,
        "received": 3, "connect": 4, "duration": 5, "attempts": 6, "reason": "r", "rest": b"",
    }  # fmt: skip
    line: bytes = wire.session_line(*(fields | given).values())
    return line


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, value) for name in ("prefix", "listener", "pool", "backend", "reason") for value in ("\ud800", 5, b"b")),
        *(("host", value) for value in (None, 5, b"b", "\udfff")),
        *(("rest", value) for value in (None, "r", 5)),
        *((name, value) for name in ("number", "port", "sent", "received", "attempts") for value in (None, "1", -1, BEYOND)),
        *((name, value) for name in ("connect", "duration") for value in (None, "1", BEYOND)),
    ],
)
def test_a_line_of_wrong_fields_is_refused(wire: Any, field: str, value: Any) -> None:
    if not wire.__name__.endswith("native"):
        pytest.skip("orjson writes what it is given")
    with pytest.raises((TypeError, ValueError, OverflowError)):
        session_line(wire, **{field: value})


@pytest.mark.parametrize("size", [0, 1, 600, 680, 700, 4096, 100_000])
@pytest.mark.parametrize("character", ["a", "\0", '"', "\x7f", "é", "€", "😀"])
def test_a_line_of_any_length_is_whole(wire: Any, character: str, size: int) -> None:
    text = character * size
    line = session_line(
        wire, prefix=text, listener=text, pool=text, backend=text, host=text, reason=text, rest=b',"a":1' * 10
    )
    read = json.loads(line)
    assert {read[name] for name in ("listener", "pool", "backend", "reason")} == {text}
    assert read["session"] == text + "-7"
    assert read["client"] == text + ":1"


def test_the_greatest_numbers_fit_in_a_line(wire: Any) -> None:
    greatest = 2**64 - 1
    longest = 2**63 - 1
    line = session_line(
        wire, host="f" * 600 + ":", port=2**32 - 1, number=greatest, sent=greatest, received=greatest, connect=longest,
        duration=longest, attempts=2**32 - 1,
    )  # fmt: skip
    read = json.loads(line)
    assert read["session"] == f"s-{greatest}"
    assert (read["sent_bytes"], read["received_bytes"], read["attempts"]) == (greatest, greatest, 2**32 - 1)
