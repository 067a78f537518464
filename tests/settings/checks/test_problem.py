"""Lines that say what is wrong."""

import pytest
from pydantic import ValidationError

from tidegate.settings.checks.problem import SettingsError, field_problems, problem_at, quoted
from tidegate.settings.model import Settings
from tidegate.settings.reading.entry import Entry, GivenEntries

TOKEN = Entry(("admin_token",), ("admin_token",), "secret", "TIDEGATE_ADMIN_TOKEN")
BACKENDS = Entry(("pools", "default", "backends"), ("backends",), "a:1, b:1 weight=x", "TIDEGATE_BACKENDS")


def test_an_error_has_each_problem_once_and_on_one_line() -> None:
    error = SettingsError(["a: b\nc", "a: b\nc", "d\udcff"])
    assert error.problems == (r"a: b\nc", r"d\udcff")
    assert str(error) == "\n".join(error.problems)


def test_a_hundred_problems_are_listed_and_the_number_of_the_others() -> None:
    lines = [f"{number}: x" for number in range(100)]
    assert SettingsError(lines).problems == tuple(lines)
    assert SettingsError([*lines, "100: x", "0: x"], 7).problems == (*lines, "and 8 more problems")


def test_a_secret_is_never_quoted() -> None:
    assert problem_at(("admin_token",), "too short", GivenEntries([TOKEN])) == "TIDEGATE_ADMIN_TOKEN: too short"


def test_the_item_that_is_wrong_is_quoted_with_the_option() -> None:
    line = problem_at(("pools", "default", "backends", 1, "weight"), "expected a number", GivenEntries([BACKENDS]))
    assert line == "TIDEGATE_BACKENDS: 'b:1 weight=x': weight: expected a number"


@pytest.mark.parametrize("given", ["nonsense", " nonsense ", ["nonsense"]])
def test_an_entry_that_the_message_names_is_quoted_once(given: object) -> None:
    entry = Entry(("listeners", "default", "allow"), ("allow",), given, "TIDEGATE_ALLOW")
    line = problem_at(("listeners", "default", "allow"), "'nonsense': expected an address", GivenEntries([entry]))
    assert line == "TIDEGATE_ALLOW: 'nonsense': expected an address"


def test_of_several_entries_all_are_quoted_and_then_the_one_that_the_message_names() -> None:
    entry = Entry(("listeners", "default", "allow"), ("allow",), "10.0.0.1,nonsense", "TIDEGATE_ALLOW")
    line = problem_at(("listeners", "default", "allow"), "'nonsense': expected an address", GivenEntries([entry]))
    assert line == "TIDEGATE_ALLOW: '10.0.0.1,nonsense': 'nonsense': expected an address"


def test_what_is_not_given_has_no_value() -> None:
    assert problem_at(("workers",), "missing", GivenEntries([])) == "TIDEGATE_WORKERS: missing"


def test_long_values_are_cut() -> None:
    assert len(quoted("x" * 10_000)) < 200
    assert len(SettingsError(["x" * 10_000]).problems[0]) < 2000


def test_everything_that_pydantic_finds_becomes_a_line() -> None:
    lines: list[str] = []
    try:
        Settings.model_validate({"pools": {"default": {"backends": "a:1, b:1 weight=x"}}, "admin_token": "secret"})
    except ValidationError as error:
        lines = field_problems(error.errors(), GivenEntries([TOKEN, BACKENDS]))
    assert lines == [
        "TIDEGATE_BACKENDS: 'b:1 weight=x': weight: expected a whole number from 1 to 65535",
        "TIDEGATE_ADMIN_TOKEN: expected 8 to 4096 printable ASCII characters without spaces and line breaks",
    ]
