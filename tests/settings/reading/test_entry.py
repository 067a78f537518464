"""Entries of several sources together."""

import pytest

from tidegate.settings.reading.entry import Entry, GivenEntries, tree_of

FLAT = Entry(("pools", "default", "balance"), ("balance",), "first", "TIDEGATE_BALANCE")
BRANCH = Entry(("pools", "chat"), ("pools", "chat"), None, "tide.yaml:2 pools.chat", is_branch=True)
LIST = Entry(
    ("pools", "chat", "backends"),
    ("pools", "chat", "backends"),
    ["a:1", "b:1"],
    "tide.yaml:3 pools.chat.backends",
    {("pools", "chat", "backends", 1): "tide.yaml:5 pools.chat.backends[1]"},
)
GIVEN = GivenEntries([BRANCH, LIST], [FLAT])


def test_only_an_entry_of_the_flat_form_is_flat() -> None:
    assert (FLAT.is_flat, LIST.is_flat) == (True, False)


def test_a_later_source_wins() -> None:
    later = Entry(FLAT.path, FLAT.keys, "round_robin", "TIDEGATE_BALANCE")
    assert GivenEntries([FLAT], [later]).by_path[FLAT.path].value == "round_robin"


def test_names_are_in_the_order_in_which_they_were_given() -> None:
    assert GIVEN.names("pools") == ["chat", "default"]
    assert GIVEN.names("listeners") == []


@pytest.mark.parametrize(
    ("path", "where"),
    [
        pytest.param(("pools", "default", "balance"), "TIDEGATE_BALANCE", id="written as a variable"),
        pytest.param(("pools", "chat", "backends", 0), "tide.yaml:3 pools.chat.backends", id="in a list"),
        pytest.param(("pools", "chat", "backends", 1, "weight"), "tide.yaml:5 pools.chat.backends[1]", id="in an item"),
        pytest.param(("pools", "chat", "balance"), "tide.yaml:2 pools.chat.balance", id="missing in the file"),
        pytest.param(("pools", "default", "backends"), "TIDEGATE_BACKENDS", id="missing in the flat form"),
        pytest.param(("pools", "db", "backends"), "TIDEGATE_POOLS__DB__BACKENDS", id="missing in the named form"),
    ],
)
def test_every_path_has_a_place(path: tuple[str | int, ...], where: str) -> None:
    assert GIVEN.where(path) == where


def test_entries_become_a_tree() -> None:
    assert tree_of(GIVEN.all) == {"pools": {"chat": {"backends": ["a:1", "b:1"]}, "default": {"balance": "first"}}}


def test_a_value_has_nothing_below_it() -> None:
    below = Entry((*FLAT.path, "x"), FLAT.keys, "y", "TIDEGATE_BALANCE__X")
    with pytest.raises(TypeError, match="balance is a value"):
        tree_of([FLAT, below])
