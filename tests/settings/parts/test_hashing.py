"""The hash of clients."""

import re

import pytest
from pydantic import ValidationError

from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.loading import load_settings
from tidegate.settings.parts.hashing import HashSettings

SOURCE_HASH = {"TIDEGATE_BACKENDS": "a:1", "TIDEGATE_BALANCE": "source_hash"}


def test_by_default_each_client_is_on_its_own_and_nothing_is_bounded() -> None:
    hashing = HashSettings()
    assert (hashing.ipv4_prefix, hashing.ipv6_prefix, hashing.bounded_load) == (32, 128, 0.0)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("ipv4_prefix", "0", "expected a whole number from 1 to 32"),
        ("ipv4_prefix", "33", "expected a whole number from 1 to 32"),
        ("ipv4_prefix", "/24", "expected a whole number from 1 to 32"),
        ("ipv6_prefix", "129", "expected a whole number from 1 to 128"),
        *[
            ("bounded_load", value, "expected 0 (off) or a number from 1.05 to 100, like 1.25")
            for value in ("1", "1.04", "0.5", "-1", "101", "nan", "inf", "", "1,25", "1e1", "125%", True, None)
        ],
    ],
)
def test_a_refusal_says_what_would_be_valid(key: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        HashSettings.model_validate({key: value})


@pytest.mark.parametrize("value", ["1.05", "1.25", "2", "100"])
def test_a_bound_is_read(value: str) -> None:
    settings = load_settings({**SOURCE_HASH, "TIDEGATE_HASH__BOUNDED_LOAD": value})
    assert settings.pools["default"].hash.bounded_load == float(value)


def test_an_impossible_combination_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({**SOURCE_HASH, "TIDEGATE_BALANCE": "random_two", "TIDEGATE_HASH__IPV6_PREFIX": "64"})
    assert caught.value.problems == (
        "TIDEGATE_HASH__IPV6_PREFIX: '64': it does nothing with balance random_two: "
        "leave it out, or give balance source_hash or an affinity",
    )
