"""Single values: what is read, what is refused, and in which words."""

import re
from enum import StrEnum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from tidegate.core.address import Address
from tidegate.settings.notation.addresses import BACKEND_ADDRESS, LISTEN_ADDRESS
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
    text,
    whole_number,
)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


DURATION = duration(least=0.0, note=" (0 means never)")
NUMBER = whole_number(1, 64, " or auto")
FACTOR = factor(1.05, 100.0)
SIZE = size(4096, 1 << 20)
PATH = text(r"/[!-~]*", "a path")
SHORT = short_duration()
ALL = [DURATION, SHORT, NUMBER, FACTOR, SIZE, PATH, choice(Colour), SWITCH, TOKEN, BACKEND_ADDRESS, LISTEN_ADDRESS, STATUSES]


@pytest.mark.parametrize(
    ("notation", "written", "value"),
    [
        pytest.param(DURATION, "5m", 300.0, id="duration"),
        pytest.param(SHORT, "300", 300.0, id="largest bare number"),
        pytest.param(SHORT, " 3000ms ", 3.0, id="milliseconds with their unit"),
        pytest.param(SHORT, "3000s", 3000.0, id="long, with its unit"),
        pytest.param(DURATION, "3600", 3600.0, id="bare number where it may be long"),
        pytest.param(NUMBER, " 64 ", 64, id="whole number"),
        pytest.param(NUMBER, 7, 7, id="plain number"),
        pytest.param(FACTOR, " 1.25 ", 1.25, id="factor"),
        pytest.param(FACTOR, 2, 2.0, id="plain factor"),
        pytest.param(FACTOR, "0", 0.0, id="no factor"),
        pytest.param(SIZE, "4KiB", 4096, id="size"),
        pytest.param(PATH, "/a", "/a", id="text"),
        pytest.param(choice(Colour), "RED", Colour.RED, id="choice in any case"),
        pytest.param(SWITCH, "true", True, id="true"),
        pytest.param(SWITCH, "no", False, id="no"),
        pytest.param(SWITCH, True, True, id="plain boolean"),
        pytest.param(BACKEND_ADDRESS, "Chat.internal:80", Address("chat.internal", 80), id="backend"),
        pytest.param(LISTEN_ADDRESS, "[::]:80", Address("::", 80), id="listen"),
        pytest.param(LISTEN_ADDRESS, Address("::", 80), Address("::", 80), id="address"),
    ],
)
def test_a_value_is_read(notation: Notation, written: object, value: object) -> None:
    assert notation.read(written) == value


@pytest.mark.parametrize(
    ("notation", "written", "message"),
    [
        pytest.param(DURATION, "721h", "expected a duration from 0s to 720h (0 means never)", id="too long"),
        pytest.param(duration(), "0", "expected a duration from 1ms to 720h", id="zero"),
        pytest.param(SHORT, "3000", "3000 is 50 minutes: write 3000ms or 50m", id="milliseconds without their unit"),
        pytest.param(SHORT, 7200, "7200 is 2 hours: write 7200ms or 2h", id="bare number"),
        pytest.param(SHORT, " 5000 ", "5000 is about 83 minutes: write 5000ms or 5000s", id="odd minutes"),
        pytest.param(SHORT, 300.5, "300.5 is about 5 minutes: write 300.5ms or 300.5s", id="decimal"),
        pytest.param(SHORT, "86400000", "expected a duration from 1ms to 720h", id="far too long"),
        pytest.param(NUMBER, "65", "expected a whole number from 1 to 64 or auto", id="too large"),
        pytest.param(NUMBER, True, "expected a whole number", id="boolean is no number"),
        pytest.param(NUMBER, 1.0, "expected a whole number", id="decimal is no whole number"),
        pytest.param(NUMBER, "9" * 5000, "expected a whole number", id="huge"),
        pytest.param(NUMBER, "٣", "expected a whole number", id="digits of another script"),
        pytest.param(SIZE, "2MiB", "expected a size from 4KiB to 1MiB", id="too many bytes"),
        pytest.param(PATH, "a", "expected a path", id="text"),
        pytest.param(PATH, 3, "expected a path", id="not text"),
        pytest.param(choice(Colour), "blue", "expected one of red, green", id="choice"),
        pytest.param(SWITCH, "maybe", "expected true or false", id="switch"),
        pytest.param(TOKEN, "short", "expected 8 to 4096 printable ASCII characters", id="short token"),
        pytest.param(TOKEN, "long enough", "without spaces", id="token with a space"),
        pytest.param(TOKEN, "long-enough\n", "line breaks", id="token with a line break"),
        pytest.param(TOKEN, "**********", "this is the mask", id="the mask"),
        pytest.param(BACKEND_ADDRESS, 80, "expected host:port", id="not text"),
        pytest.param(LISTEN_ADDRESS, ":80", "0.0.0.0:80 for IPv4 or [::]:80 for IPv6", id="no host"),
        pytest.param(LISTEN_ADDRESS, "*:80", "0.0.0.0:80 for IPv4 or [::]:80 for IPv6", id="star"),
        pytest.param(LISTEN_ADDRESS, ":eighty", "port 'eighty' is not a number", id="port in words"),
        pytest.param(LISTEN_ADDRESS, "*:\udc80", r"port '\udc80' is not a number", id="port of a byte that is not UTF-8"),
        pytest.param(LISTEN_ADDRESS, "0.0.0.0", "expected host:port", id="no port"),
        pytest.param(STATUSES, "2xx", "expected statuses from 100 to 599", id="statuses"),
    ],
)
def test_a_refusal_says_what_would_be_valid(notation: Notation, written: object, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        notation.read(written)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("notation", ALL)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(written=JSON)
def test_whatever_is_written_is_read_or_refused(notation: Notation, written: object) -> None:
    try:
        value = notation.read(written)
    except ValueError:
        return
    assert notation is TOKEN or notation.read(notation.write(value)) == value
    assert notation is TOKEN or Draft7Validator(notation.schema).is_valid(notation.write(value))


@pytest.mark.parametrize("notation", [DURATION, NUMBER, FACTOR, SIZE, STATUSES])
@settings(deadline=None)
@given(written=st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_the_schema_takes_every_number_that_is_read(notation: Notation, written: float) -> None:
    try:
        notation.read(written)
    except ValueError:
        return
    assert Draft7Validator(notation.schema).is_valid(written)


@pytest.mark.parametrize(
    ("notation", "written"),
    [
        (DURATION, "1.5h"),
        (SHORT, "3000ms"),
        (NUMBER, "64"),
        (FACTOR, "1.25"),
        (FACTOR, "0"),
        (SIZE, "4KiB"),
        (PATH, "/a"),
        (choice(Colour), "red"),
        *[(SWITCH, word) for word in (True, False, "true", "false", "yes", "no")],
        (BACKEND_ADDRESS, "chat.internal:80"),
        (LISTEN_ADDRESS, "[::]:80"),
        (STATUSES, "200-299, 404"),
        (STATUSES, 599),
    ],
)
def test_the_schema_takes_what_people_write(notation: Notation, written: object) -> None:
    notation.read(written)
    assert Draft7Validator(notation.schema).is_valid(written)


@pytest.mark.parametrize(
    ("notation", "written"),
    [
        (DURATION, -1),
        (NUMBER, 65),
        (NUMBER, "many"),
        (FACTOR, 101),
        (FACTOR, "1,25"),
        (SIZE, "4 KiB"),
        (PATH, "a"),
        (PATH, 1),
        (choice(Colour), "blue"),
        (SWITCH, 1),
        (BACKEND_ADDRESS, "chat.internal"),
        (LISTEN_ADDRESS, 80),
        (STATUSES, 99),
        (STATUSES, 600),
        (STATUSES, "2xx"),
    ],
)
def test_the_schema_refuses_what_is_refused(notation: Notation, written: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        notation.read(written)
    assert not Draft7Validator(notation.schema).is_valid(written)
