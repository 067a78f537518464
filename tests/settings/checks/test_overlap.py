"""Addresses that cannot be bound together."""

import pytest

from tidegate.settings.checks.overlap import overlap_problems
from tidegate.settings.reading.entry import GivenEntries
from tidegate.settings.reading.environment import Environment


def overlaps_of(**variables: str) -> list[str]:
    return overlap_problems(
        GivenEntries(Environment({f"TIDEGATE_{name}": value for name, value in variables.items()}).entries)
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("[::1]:80", "[0::1]:80"),
        ("chat:80", "CHAT:80"),
        ("0.0.0.0:80", "10.0.0.1:80"),
        ("10.0.0.1:80", "0.0.0.0:80"),
        ("[::]:80", "10.0.0.1:80"),
        ("10.0.0.1:80", "[::]:80"),
        ("[::]:80", "[::1]:80"),
        ("[::]:80", "0.0.0.0:80"),
        ("[::]:80", "chat:80"),
    ],
)
def test_overlapping_addresses_are_refused(first: str, second: str) -> None:
    (line,) = overlaps_of(LISTENERS__A__BIND=first, LISTENERS__B__BIND=second)
    assert line.startswith(f"TIDEGATE_LISTENERS__B__BIND: '{second}': it overlaps with ")
    assert line.endswith(" of TIDEGATE_LISTENERS__A__BIND: give another address or port")


@pytest.mark.parametrize(
    "bind",
    [
        "10.0.0.1:80, 10.0.0.2:80",
        "10.0.0.1:80, 10.0.0.1:81",
        "0.0.0.0:80, [::1]:80",
        "chat:80, web:80",
        "0.0.0.0:80, chat:80",
    ],
)
def test_other_addresses_are_fine(bind: str) -> None:
    assert overlaps_of(LISTEN=bind) == []


def test_the_admin_routes_have_an_address_even_if_none_is_given() -> None:
    (line,) = overlaps_of(LISTEN="[::]:9000")
    assert line == (
        "TIDEGATE_LISTEN: '[::]:9000': it overlaps with 0.0.0.0:9000 of TIDEGATE_ADMIN: give another address or port"
    )
    assert overlaps_of(LISTEN="[::]:9000", ADMIN="0.0.0.0:9001") == []


def test_an_address_is_not_bound_twice_by_one_listener() -> None:
    assert len(overlaps_of(LISTEN="0.0.0.0:80,0.0.0.0:80")) == 1


@pytest.mark.parametrize("bind", ["80", "*:80", ",", "0.0.0.0"])
def test_addresses_that_are_not_valid_do_not_count(bind: str) -> None:
    assert overlaps_of(LISTEN=bind, ADMIN=bind) == []
