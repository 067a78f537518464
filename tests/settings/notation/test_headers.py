"""Headers of checks as text and as mappings."""

import re

import pytest

from tidegate.settings.notation.headers import HEADERS
from tidegate.settings.secrets import Headers


def read(written: object) -> list[tuple[str, str]]:
    headers = HEADERS.read(written)
    assert isinstance(headers, Headers)
    return list(headers.items())


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        ("X-Probe: tidegate", [("X-Probe", "tidegate")]),
        ("Authorization: Bearer abc=, X-Url:http://a:1/", [("Authorization", "Bearer abc="), ("X-Url", "http://a:1/")]),
        (' Cookie : "a=1, b=\\"2\\"" , X-A: 1,', [("Cookie", 'a=1, b="2"'), ("X-A", "1")]),
        (
            {"Sec-WebSocket-Protocol": "graphql-ws, chat", "X-A": 1},
            [("Sec-WebSocket-Protocol", "graphql-ws, chat"), ("X-A", "1")],
        ),
    ],
)
def test_headers_are_read(written: object, fields: list[tuple[str, str]]) -> None:
    assert read(written) == fields
    assert read(HEADERS.read(written)) == fields


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "expected headers like X-Probe: tidegate"),
        (5, "expected headers like X-Probe: tidegate"),
        ("X-Probe", "expected headers like X-Probe: tidegate"),
        ("X-A: 1, b", "a value with a comma or a quote in it is written in quotes"),
        ('X-A: "1', "a value with a comma or a quote in it is written in quotes"),
        ({"X A": "1"}, "'X A' is not the name of a header"),
        ({"X-A\r\nX-B": "1"}, "is not the name of a header"),
        ({"X-A": "1\r\nX-B: 2"}, "the value of X-A is not 1 to 4096 printable ASCII characters without line breaks"),
        ({"X-A": "1\n"}, "the value of X-A is not 1 to 4096 printable"),
        ("X-A: \u00e9", "the value of X-A is not 1 to 4096 printable"),
        ("X-A:", "the value of X-A is not 1 to 4096 printable"),
        ({"X-A": ["1", "2"]}, "the value of 'X-A' is a list or a mapping: expected one text"),
        ({"\udc80": []}, r"the value of '\udc80' is a list or a mapping: expected one text"),
        ({"X-A": {"X-B": "1"}}, "the value of 'X-A' is a list or a mapping: expected one text"),
        ({"X-A": "x" * 4097}, "the value of X-A is not 1 to 4096 printable"),
        ("X-A: **********", "the value of X-A is the mask that stands for it"),
        ("X-A: 1, x-a: 2", "x-a is given twice"),
        ({f"X-{number}": "1" for number in range(33)}, "1 to 32 of them"),
        ("Host: chat", "Host is not set here: give health.host"),
        ("connection: close", "connection is set by the check itself"),
        ("Upgrade: h2c", "Upgrade is set by the check itself"),
        ("Sec-WebSocket-Key: a", "Sec-WebSocket-Key is set by the check itself"),
        ("Content-Length: 5", "Content-Length is set by the check itself"),
    ],
)
def test_what_are_not_headers_is_refused_with_what_would_be_right(written: object, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        HEADERS.read(written)


def test_a_long_line_that_are_no_headers_is_refused_within_a_moment() -> None:
    with pytest.raises(ValueError, match="a value with a comma or a quote in it is written in quotes"):
        HEADERS.read("X-A:" + " " * 50_000 + '"')
