"""Lists written with commas, and what every part of the settings refuses."""

import pytest
from pydantic import ValidationError

from tidegate.settings.parts.section import Section, items_of, split_list


class Tide(Section):
    level: int = 3


def test_empty_items_of_a_comma_list_do_not_count() -> None:
    assert split_list(" a, b,,c ,\n") == ["a", "b", "c"]


def test_a_list_keeps_its_items() -> None:
    assert items_of(["a", {"b": 1}], 2) == ["a", {"b": 1}]


@pytest.mark.parametrize("value", [3, None, {"a": "b"}, True])
def test_what_is_not_a_list_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a comma list or a list"):
        items_of(value, 2)


def test_too_many_items_are_refused() -> None:
    with pytest.raises(ValueError, match="expected at most 2 items, not 3"):
        items_of("a,b,c", 2)


def test_a_section_does_not_change() -> None:
    with pytest.raises(ValidationError):
        Tide().level = 4  # type: ignore[misc]


def test_a_section_refuses_keys_that_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        Tide.model_validate({"depth": 3})
