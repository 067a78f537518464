"""Ranges of HTTP statuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.settings.notation.statuses import StatusRanges


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [
        ("200-399", [200, 301, 399], [199, 400]),
        ("204", [204], [200, 205]),
        ("200, 204,300-399", [200, 204, 300], [201, 404]),
    ],
)
def test_statuses_are_allowed_within_the_ranges(text: str, allowed: list[int], refused: list[int]) -> None:
    statuses = StatusRanges.parse(text)
    assert all(statuses.allows(status) for status in allowed)
    assert not any(statuses.allows(status) for status in refused)


@pytest.mark.parametrize("value", ["", "2xx", "99", "600", "200-", "200,,204", "200-1000", 99, True, None, ["200"]])
def test_what_are_not_statuses_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected statuses from 100 to 599, like 200-399 or 200,204,300-399"):
        StatusRanges.parse(value)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="the range 399-200 ends before it begins: expected 200-399"):
        StatusRanges.parse("399-200")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(100, 599), st.integers(100, 599)).map(sorted), min_size=1, max_size=100))
def test_written_statuses_are_read_as_the_same_ones(pairs: list[list[int]]) -> None:
    statuses = StatusRanges(tuple((low, high) for low, high in pairs))
    assert StatusRanges.parse(str(statuses)) == statuses


def test_a_number_is_one_status() -> None:
    assert str(StatusRanges.parse(204)) == "204"
