"""What cannot be of Unix sockets."""

from collections.abc import Sequence

import pytest

from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.loading import load_settings

APP = {"BACKENDS": "unix:/run/app.sock"}
LISTEN = {"BACKENDS": "10.0.0.5:80", "LISTEN": "unix:/run/tidegate.sock mode=0660"}


def problems_of(**variables: str) -> Sequence[str]:
    try:
        load_settings({f"TIDEGATE_{name}": value for name, value in variables.items()})
    except SettingsError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("key", ["ALLOW", "DENY", "PROXY_PROTOCOL__FROM"])
def test_a_word_for_clients_that_cannot_come_is_refused(key: str) -> None:
    (line,) = problems_of(BACKENDS="10.0.0.5:80", **{key: "10.0.0.0/8, unix:"})
    assert line == f"TIDEGATE_{key}: unix: is for clients at Unix sockets: expected one in bind, too"


def test_proxies_with_addresses_at_nothing_but_a_unix_socket_are_refused() -> None:
    (line,) = problems_of(**LISTEN, PROXY_PROTOCOL__FROM="10.0.0.0/8")
    assert line.startswith("TIDEGATE_PROXY_PROTOCOL__FROM: clients at unix:/run/tidegate.sock have no IP address")
    mixed = {"BACKENDS": "10.0.0.5:80", "LISTEN": "unix:/run/tidegate.sock, 0.0.0.0:8000"}
    assert problems_of(**mixed, PROXY_PROTOCOL__FROM="10.0.0.0/8") == ()


def test_a_unix_socket_all_of_whose_clients_are_refused_is_refused() -> None:
    (line,) = problems_of(**LISTEN, DENY="unix:")
    assert line.endswith("so none would be let in: expected the list without unix:, or no Unix socket")


def test_a_unix_socket_that_nobody_is_let_in_by_is_refused() -> None:
    (line,) = problems_of(**LISTEN, ALLOW="10.0.0.0/8")
    assert line == (
        "TIDEGATE_ALLOW: clients at unix:/run/tidegate.sock have no IP address, so none would be let in: "
        "expected unix: in the list, too"
    )


@pytest.mark.parametrize(
    "lists",
    [
        {},
        {"DENY": "10.0.0.0/8"},
        {"ALLOW": "10.0.0.0/8, unix:"},
        {"ALLOW": "10.0.0.0/8", "PROXY_PROTOCOL__FROM": "unix:"},
    ],
)
def test_a_unix_socket_that_somebody_is_let_in_by_is_fine(lists: dict[str, str]) -> None:
    assert problems_of(**LISTEN, **lists) == ()


@pytest.mark.parametrize(("key", "value"), [("PORT", "9001"), ("ADDRESS", "127.0.0.1")])
def test_a_probe_at_a_port_that_a_unix_socket_has_not_is_refused(key: str, value: str) -> None:
    (line,) = problems_of(**APP, **{f"HEALTH__{key}": value})
    assert line.startswith(f"TIDEGATE_HEALTH__{key}: unix:/run/app.sock has no port: expected ")
    assert line.endswith(" health.address and health.port together, or neither")


def test_a_probe_elsewhere_is_fine() -> None:
    assert problems_of(**APP, HEALTH__PORT="9001", HEALTH__ADDRESS="127.0.0.1") == ()


def test_the_same_socket_is_not_bound_twice_nor_is_it_its_own_backend() -> None:
    (twice,) = problems_of(BACKENDS="10.0.0.5:80", LISTEN="unix:/run/a, unix:/run/a mode=0660")
    assert "it overlaps with unix:/run/a" in twice
    (itself,) = problems_of(BACKENDS="unix:/run/a", LISTEN="unix:/run/a")
    assert "unix:/run/a is the listener default itself" in itself
