"""The flat form, the named form and the variables of the same setting."""

import pytest

from tidegate.settings.reading.names import ANY_NAME, Path, dotted, flat_form, is_name, leaves, named_forms, variable_of


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        (("listen",), ("listeners", "default", "bind")),
        (("max_connections",), ("listeners", "default", "max_connections")),
        (("accept_rate",), ("listeners", "default", "accept_rate")),
        (("backends",), ("pools", "default", "backends")),
        (("health", "type"), ("pools", "default", "health", "type")),
        (("admin",), ("admin",)),
        (("drain", "grace"), ("drain", "grace")),
        (("pools", "chat", "balance"), ("pools", "chat", "balance")),
    ],
)
def test_the_flat_form_has_a_named_form_and_the_way_back(keys: Path, path: Path) -> None:
    assert named_forms(keys) == [path]
    assert flat_form(path) == keys


@pytest.mark.parametrize("keys", [keys for keys in leaves() if ANY_NAME not in keys], ids=variable_of)
def test_every_flat_key_survives_both_ways(keys: Path) -> None:
    assert {flat_form(path) for path in named_forms(keys)} == {keys}


def test_a_key_of_listener_and_pool_has_a_named_form_for_each() -> None:
    assert named_forms(("keepalive", "idle")) == [
        ("listeners", "default", "keepalive", "idle"),
        ("pools", "default", "keepalive", "idle"),
    ]


def test_a_variable_has_the_keys_in_upper_case_without_the_items_of_lists() -> None:
    assert variable_of(("pools", "chat", "backends", 1)) == "TIDEGATE_POOLS__CHAT__BACKENDS"


def test_keys_of_a_file_are_shown_with_dots() -> None:
    assert dotted(("pools", "chat", "backends", 1, "weight")) == "pools.chat.backends[1].weight"
    assert dotted(("a b", "")) == "'a b'.''"


@pytest.mark.parametrize(("text", "valid"), [("chat-1_a", True), ("Chat", False), ("", False), ("a" * 64, False)])
def test_names_are_short_and_lower_case(text: str, *, valid: bool) -> None:
    assert is_name(text) is valid
