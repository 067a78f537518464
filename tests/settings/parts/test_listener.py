"""Listeners."""

from dataclasses import asdict

import pytest
from pydantic import ValidationError

from tidegate.core.address import Address
from tidegate.core.connection_options import ConnectionOptions
from tidegate.core.preface.routes import Route
from tidegate.settings.parts.listener import ListenerSettings


@pytest.mark.parametrize("bind", ["0.0.0.0:80, [::]:81", ["0.0.0.0:80", "[::]:81"]], ids=["text", "list"])
def test_a_listener_binds_several_addresses(bind: object) -> None:
    listener = ListenerSettings.model_validate({"bind": bind, "pool": "chat"})
    assert listener.addresses == (Address("0.0.0.0", 80), Address("::", 81))


@pytest.mark.parametrize("bind", ["", [], ",", 80, "80", ["0.0.0.0:0"], [[]]])
def test_what_is_not_an_address_is_refused(bind: object) -> None:
    with pytest.raises(ValidationError):
        ListenerSettings.model_validate({"bind": bind, "pool": "chat"})


def test_by_default_nothing_is_limited() -> None:
    listener = ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat"})
    assert (listener.max_connections, listener.max_connections_per_client) == (0, 0)
    assert (listener.accept_rate, listener.accept_rate_per_client) == (0, 0)


@pytest.mark.parametrize(
    ("given", "burst"),
    [({"accept_rate": 200}, 20), ({"accept_rate": 9}, 1), ({"accept_rate": 200, "accept_burst": 3}, 3)],
)
def test_the_burst_is_what_the_rate_gives_in_a_tenth_of_a_second_unless_it_is_given(
    given: dict[str, int], burst: int
) -> None:
    assert ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat", **given}).burst == burst


@pytest.mark.parametrize(
    ("given", "burst"),
    [
        ({"accept_rate_per_client": 20}, 20),
        ({}, 1),
        ({"accept_rate_per_client": 20, "accept_burst_per_client": 3}, 3),
    ],
)
def test_a_client_may_open_at_once_what_its_rate_gives_in_a_second_unless_it_is_given(
    given: dict[str, int], burst: int
) -> None:
    assert ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat", **given}).burst_per_client == burst


@pytest.mark.parametrize("given", [{"max_connections": -1}, {"accept_rate": "fast"}, {"accept_burst": 0}])
def test_limits_that_are_no_numbers_within_bounds_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="expected a whole number from"):
        ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat", **given})


@pytest.mark.parametrize("burst", ["accept_burst", "accept_burst_per_client"])
def test_a_burst_without_its_rate_is_refused(burst: str) -> None:
    with pytest.raises(ValidationError, match=f"there is no {burst.replace('burst', 'rate')}: expected one, too"):
        ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat", burst: 5})


def test_a_time_for_first_bytes_that_nothing_asks_for_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"there is nothing to wait for: expected proxy_protocol.from or routes, too"):
        ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat", "preface_timeout": "3s"})


def test_workers_are_told_what_a_listener_is_set_to() -> None:
    limits = {"max_connections": 2, "max_connections_per_client": 3, "client_ipv6_prefix": 48, "accept_rate_per_client": 7}
    edge = {
        "allow": "10.0.0.0/8",
        "deny": "10.1.0.0/16",
        "proxy_protocol": {"from": "10.2.0.1"},
        "preface_timeout": "3s",
        "routes": "sni=a.example pool=p",
    }
    listener = ListenerSettings.model_validate(
        {
            "bind": "0.0.0.0:80",
            "pool": "p",
            "accept_rate": 50,
            "keepalive": {"idle": "9s"},
            "peer_timeout": "0s",
            **limits,
            **edge,
        }
    )
    assert asdict(listener.options) == {
        **limits,
        "allow": ["10.0.0.0/8"],
        "deny": ["10.1.0.0/16"],
        "proxies": ["10.2.0.1"],
        "preface_timeout": 3.0,
        "routes": [asdict(Route("p", sni=("a.example",)))],
        "accept_rate": 50,
        "accept_burst": 5,
        "accept_burst_per_client": 7,
        "connection": asdict(ConnectionOptions(9.0, 15.0, 4, 0.0, 0, 0, 0)),
    }
