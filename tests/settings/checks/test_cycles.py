"""Pools that lead back to themselves through the listeners of the same process."""

import pytest

from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.loading import load_settings

FIX = "give the address of something behind it"


def problems_of(**pools: tuple[str, str]) -> list[str]:
    """What is wrong with pools, each given as what its listener binds and its backends."""
    given: dict[str, str] = {}
    for name, (bind, backends) in pools.items():
        given |= {f"TIDEGATE_LISTENERS__{name}__BIND": bind, f"TIDEGATE_POOLS__{name}__BACKENDS": backends}
    try:
        load_settings(given)
    except SettingsError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    ("bind", "backend"),
    [
        ("127.0.0.1:8000", "127.0.0.1:8000"),
        ("0.0.0.0:8000", "127.0.0.9:8000"),
        ("0.0.0.0:8000", "0.0.0.0:8000"),
        ("127.0.0.1:8000", "0.0.0.0:8000"),
        ("0.0.0.0:8000", "[::ffff:127.0.0.1]:8000"),
        ("[::]:8000", "localhost:8000"),
        ("10.0.0.1:8000, 127.0.0.1:9100", "127.0.0.1:9100"),
    ],
)
def test_a_listener_that_is_a_backend_of_its_own_pool_is_refused(bind: str, backend: str) -> None:
    (line,) = problems_of(DEFAULT=(bind, f"10.0.0.5:8000, {backend}"))
    assert line == f"TIDEGATE_BACKENDS: {backend} is the listener default itself: {FIX}"


def test_pools_that_lead_to_each_other_are_refused_with_the_way_round_once() -> None:
    (line,) = problems_of(
        A=("127.0.0.1:8000", "10.0.0.5:80, 127.0.0.1:8001"),
        B=("0.0.0.0:8001", "localhost:8002"),
        C=("[::]:8002", "127.0.0.1:8000"),
    )
    assert line == (
        "TIDEGATE_POOLS__A__BACKENDS: its clients would go round without end, pool a -> 127.0.0.1:8001 = listener b "
        f"-> pool b -> localhost:8002 = listener c -> pool c -> 127.0.0.1:8000 = listener a -> pool a: {FIX}"
    )


def test_each_way_round_is_named() -> None:
    assert len(
        problems_of(
            A=("127.0.0.1:1", "127.0.0.1:2"), B=("127.0.0.1:2", "127.0.0.1:1"),
            C=("127.0.0.1:3", "127.0.0.1:4"), D=("127.0.0.1:4", "127.0.0.1:3"),
        )
    ) == 2  # fmt: skip


def test_a_row_of_pools_that_ends_elsewhere_and_the_port_at_another_address_or_family_are_fine() -> None:
    assert problems_of(
        A=("127.0.0.1:8000", "127.0.0.1:8001, 10.0.0.5:8000"),
        B=("127.0.0.1:8001", "127.0.0.1:8002"),
        C=("0.0.0.0:8002", "10.0.0.5:8002, [::1]:8002"),
    ) == []  # fmt: skip
