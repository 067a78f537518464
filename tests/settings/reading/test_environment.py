"""Variables."""

import pytest

from tidegate.settings.reading.environment import Environment


def problems_of(variable: str) -> list[str]:
    return Environment({variable: "hidden-value"}).problems


def test_variables_become_entries_in_the_named_form() -> None:
    environment = Environment({"PATH": "/bin", "TIDEGATE_HEALTH__TYPE": "http", "TIDEGATE_POOLS__CHAT-EU__BACKENDS": "a:1"})
    assert environment.problems == []
    assert [(entry.path, entry.value, entry.where) for entry in environment.entries] == [
        (("pools", "default", "health", "type"), "http", "TIDEGATE_HEALTH__TYPE"),
        (("pools", "chat-eu", "backends"), "a:1", "TIDEGATE_POOLS__CHAT-EU__BACKENDS"),
    ]


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_an_empty_variable_says_nothing(value: str) -> None:
    assert Environment({"TIDEGATE_BALANCE": value}).entries == []


@pytest.mark.parametrize("variable", ["tidegate_x", "TIDE", "TIDEGATEWAY_PORT"])
def test_variables_of_others_are_not_read(variable: str) -> None:
    environment = Environment({variable: "8000"})
    assert (environment.entries, environment.problems) == ([], [])


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("TIDEGATE_BACKEND", "TIDEGATE_BACKENDS"),
        ("TIDEGATE_Listen", "TIDEGATE_LISTEN"),
        ("TIDEGATE_HEALTH_INTERVAL", "TIDEGATE_HEALTH__INTERVAL"),
        ("TIDEGATE_HEALTH__INTERVALL", "TIDEGATE_HEALTH__INTERVAL"),
        ("TIDEGATE_BALANCE__X", "TIDEGATE_BALANCE"),
        ("TIDEGATE_POOLS__CHAT__BACKEND", "TIDEGATE_POOLS__CHAT__BACKENDS"),
        ("TIDEGATE_POOLS__CHAT__HEALTH__INTERVALL", "TIDEGATE_POOLS__CHAT__HEALTH__INTERVAL"),
        ("TIDEGATE_POOL__CHAT__BACKENDS", "TIDEGATE_POOLS__CHAT__BACKENDS"),
        ("TIDEGATE_CONFIGFILE", "TIDEGATE_CONFIG_FILE"),
    ],
)
def test_a_typo_is_refused_with_a_suggestion(variable: str, meant: str) -> None:
    assert problems_of(variable) == [f"{variable}: unknown variable: did you mean {meant}?"]


@pytest.mark.parametrize(
    "variable", ["TIDEGATE_CONSUL__SERVICE", "TIDEGATE_ETCD__PREFIX", "TIDEGATE_", "TIDEGATE___", "TIDEGATE_\u212a"]
)
def test_an_unknown_variable_is_refused_with_a_list_of_what_is_valid(variable: str) -> None:
    (line,) = problems_of(variable)
    assert line.startswith(f"{variable}: unknown variable: valid are TIDEGATE_LISTEN, TIDEGATE_BACKENDS, ")
    assert line.endswith("TIDEGATE_LISTENERS__<NAME>__..., TIDEGATE_POOLS__<NAME>__..., TIDEGATE_CONFIG_FILE")


def test_an_unknown_key_of_a_part_is_refused_with_a_list_of_its_keys() -> None:
    (line,) = problems_of("TIDEGATE_HEALTH__MOOD")
    assert "valid are TIDEGATE_HEALTH__TYPE, TIDEGATE_HEALTH__INTERVAL" in line
    assert "TIDEGATE_LISTEN" not in line


def test_a_part_is_not_a_value() -> None:
    (line,) = problems_of("TIDEGATE_LOG")
    assert line == "TIDEGATE_LOG: this holds several settings: give TIDEGATE_LOG__LEVEL, TIDEGATE_LOG__FORMAT"


def test_a_name_must_be_a_name() -> None:
    (line,) = problems_of("TIDEGATE_POOLS__A.B__BACKENDS")
    assert line == "TIDEGATE_POOLS__A.B__BACKENDS: expected a name of 1 to 63 characters from a-z, 0-9, _ and -"


def test_the_value_of_an_unknown_variable_is_never_shown() -> None:
    for variable in ("TIDEGATE_ADMIN_TOKN", "TIDEGATE_CONSUL__NAME", "TIDEGATE_LOG", "TIDEGATE_POOLS__A.B__BACKENDS"):
        assert "hidden-value" not in problems_of(variable)[0]
