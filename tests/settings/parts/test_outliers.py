"""Passive health, as it is set."""

import pytest
from pydantic import ValidationError

from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.loading import load_settings
from tidegate.settings.parts.outliers import OutlierSettings


def test_the_defaults_eject_after_five_failures_for_half_a_minute_and_never_more_than_half_of_a_pool() -> None:
    outliers = OutlierSettings()
    assert (outliers.failures, outliers.early_end) == (5, 1.0)
    assert (outliers.ejection, outliers.max_ejection, outliers.max_ejected_percent) == (30.0, 300.0, 50)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"failures": -1}, "expected a whole number from 0 to 10000 \\(0 means never\\)"),
        ({"early_end": "soon"}, "expected a duration like 500ms"),
        ({"ejection": "0"}, "expected a duration from 1ms to 720h"),
        ({"ejection": "10m"}, "an ejection of 10m is longer than max_ejection: expected at most 5m"),
        ({"max_ejection": "10s"}, "an ejection of 30s is longer than max_ejection: expected at most 10s"),
        ({"max_ejected_percent": 101}, "expected a whole number from 0 to 100"),
        ({"max_ejected_percent": "-1"}, "expected a whole number from 0 to 100"),
    ],
)
def test_a_refusal_says_what_would_be_valid(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        OutlierSettings.model_validate(given)


def test_zero_turns_a_part_off_and_the_longest_ejection_may_be_the_first() -> None:
    off = OutlierSettings.model_validate({"failures": "0", "early_end": "0", "max_ejected_percent": "0", "ejection": "5m"})
    assert (off.failures, off.early_end, off.max_ejected_percent) == (0, 0.0, 0)
    assert off.ejection == off.max_ejection == 300.0


def test_a_refusal_names_the_variable_and_the_value() -> None:
    environ = {"TIDEGATE_BACKENDS": "a:1", "TIDEGATE_OUTLIERS__EJECTION": "10m", "TIDEGATE_PANIC_THRESHOLD": "101"}
    with pytest.raises(SettingsError) as refusal:
        load_settings({**environ, "TIDEGATE_WHEN_ALL_DOWN": "pray"})
    assert refusal.value.problems == (
        "TIDEGATE_OUTLIERS__EJECTION: '10m': an ejection of 10m is longer than max_ejection: expected at most 5m",
        "TIDEGATE_WHEN_ALL_DOWN: 'pray': expected one of close, try_all",
        "TIDEGATE_PANIC_THRESHOLD: '101': expected a whole number from 0 to 100",
    )
