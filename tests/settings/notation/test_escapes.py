"""Bytes as text and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.settings.notation.escapes import format_escapes, parse_escapes


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (r"PING\r\n", b"PING\r\n"),
        (r"\x16\x03\xFF", b"\x16\x03\xff"),
        (r"a\\n\tb", b"a\\n\tb"),
        ("grüße", "grüße".encode()),
        ("line\r\n", b"line\r\n"),
        (r"\x414", b"A4"),
        ("\udcff of the environment, where a byte is no text", b"\xff of the environment, where a byte is no text"),
    ],
)
def test_escapes_stand_for_bytes_and_the_rest_for_itself(text: str, data: bytes) -> None:
    assert parse_escapes(text) == data


@pytest.mark.parametrize("text", ["\\", r"\q", r"\x4", r"\xgg", r"\0", "a\\"])
def test_an_unknown_escape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an escape: expected"):
        parse_escapes(text)


@pytest.mark.parametrize("text", ["\\\udc8e", "\\\x1b", "\\\n"])
def test_an_unknown_escape_is_named_in_printable_characters(text: str) -> None:
    with pytest.raises(ValueError, match="is not an escape: expected") as refusal:
        parse_escapes(text)
    assert str(refusal.value).isprintable()


@given(st.binary(max_size=200))
def test_all_bytes_survive_being_written_and_read(data: bytes) -> None:
    written = format_escapes(data)
    assert written.isprintable()
    assert parse_escapes(written) == data
