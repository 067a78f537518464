"""Names that a route is for."""

import re

import pytest

from tidegate.core.preface.name_pattern import parse_name_pattern, patterns_of

ASTERISK = "an asterisk stands for one whole label on the left, like *.chat.example.com"


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("chat.example.com", "chat.example.com"),
        (" Chat.Example.COM. ", "chat.example.com"),
        ("*.Chat.example.com", "*.chat.example.com"),
        ("*.com", "*.com"),
        ("localhost", "localhost"),
        ("10.0.0.5", "10.0.0.5"),
        ("[2001:DB8::0:5]", "2001:db8::5"),
        ("2001:db8::5", "2001:db8::5"),
    ],
)
def test_a_pattern_is_read_in_the_form_in_which_names_are_compared(text: str, pattern: str) -> None:
    assert parse_name_pattern(text) == pattern


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("*", f"'*': {ASTERISK}"),
        ("*.*.example.com", f"'*.*.example.com': {ASTERISK}"),
        ("chat.*.com", f"'chat.*.com': {ASTERISK}"),
        ("ch*.example.com", f"'ch*.example.com': {ASTERISK}"),
        ("*.", f"'*.': {ASTERISK}"),
        ("", "'' is neither an IP address nor a host name"),
        ("a b", "'a b' is neither an IP address nor a host name"),
        ("[::1", "'[::1' is neither an IP address nor a host name"),
        ("*.10.0.0.5", "'10.0.0.5' is an IP address, which has no subdomains"),
        ("10.0.0.256", "'10.0.0.256' is not an IPv4 address"),
    ],
)
def test_a_pattern_that_could_not_match_is_refused_with_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_name_pattern(text)


@pytest.mark.parametrize(
    ("name", "patterns"),
    [
        ("a.chat.example.com", ("a.chat.example.com", "*.chat.example.com")),
        ("chat", ("chat",)),
        ("", ("",)),
        ("::1", ("::1",)),
    ],
)
def test_a_name_is_matched_by_itself_and_by_the_wildcard_for_its_first_label(name: str, patterns: tuple[str, ...]) -> None:
    assert patterns_of(name) == patterns
