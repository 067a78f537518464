"""Durations and sizes: what people may write, and the way back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.settings.notation.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("500ms", 0.5, id="milliseconds"),
        pytest.param("3s", 3.0, id="seconds"),
        pytest.param("5m", 300.0, id="minutes"),
        pytest.param("1h", 3600.0, id="hours"),
        pytest.param("1.5h", 5400.0, id="decimal"),
        pytest.param(" 3s ", 3.0, id="space around"),
        pytest.param("0", 0.0, id="zero"),
        pytest.param(2, 2.0, id="whole number"),
        pytest.param(0.25, 0.25, id="decimal number"),
        pytest.param(-0.0, 0.0, id="negative zero"),
    ],
)
def test_a_duration_is_read_in_every_unit(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_a_duration_without_a_unit_is_seconds() -> None:
    assert parse_duration("2.5") == 2.5


NO_DURATIONS = ["", "s", "-1s", "3 s", "1d", "1h30m", "1e3", "nan", "inf", "٣s", "1" * 40, True, None, [], {}]
NO_DURATION_NUMBERS = [-1, float("nan"), float("inf"), 10**400]


@pytest.mark.parametrize("value", [*NO_DURATIONS, *NO_DURATION_NUMBERS], ids=lambda value: str(type(value).__name__))
def test_what_is_not_a_duration_is_refused_with_examples(value: object) -> None:
    with pytest.raises(ValueError, match="expected a duration like 500ms, 3s, 5m, 1h or a number of seconds"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.5, "500ms"), (3.0, "3s"), (90.0, "90s"), (300.0, "5m"), (3600.0, "1h"), (0.0015, "0.0015s")],
)
def test_a_duration_is_written_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@settings(deadline=None)
@given(st.floats(min_value=0, max_value=2_592_000))
def test_a_written_duration_is_read_as_the_same_one(seconds: float) -> None:
    read = parse_duration(seconds)
    assert parse_duration(format_duration(read)) == read


@pytest.mark.parametrize(
    ("text", "count"),
    [("64KiB", 65536), ("1MiB", 1 << 20), ("2GiB", 2 << 30), ("512B", 512), ("4096", 4096), (" 1KiB ", 1024), (7, 7)],
)
def test_a_size_is_read_in_every_unit(text: object, count: int) -> None:
    assert parse_size(text) == count


@pytest.mark.parametrize("value", ["", "64K", "64kb", "1.5KiB", "-1", "٣", True, 1.5, -1, 10**400, None])
def test_what_is_not_a_size_is_refused_with_examples(value: object) -> None:
    with pytest.raises(ValueError, match="expected a size like 64KiB, 1MiB or a number of bytes"):
        parse_size(value)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**15))
def test_a_written_size_is_read_as_the_same_one(count: int) -> None:
    assert parse_size(format_size(count)) == count
