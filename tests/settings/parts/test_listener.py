"""Listeners."""

from dataclasses import asdict

import pytest
from pydantic import ValidationError

from tidegate.core.address import Address
from tidegate.core.connection_options import ConnectionOptions
from tidegate.settings.parts.listener import ListenerSettings


@pytest.mark.parametrize("bind", ["0.0.0.0:80, [::]:81", ["0.0.0.0:80", "[::]:81"]], ids=["text", "list"])
def test_a_listener_binds_several_addresses(bind: object) -> None:
    listener = ListenerSettings.model_validate({"bind": bind, "pool": "chat"})
    assert listener.bind == (Address("0.0.0.0", 80), Address("::", 81))


@pytest.mark.parametrize("bind", ["", [], ",", 80, "80", ["0.0.0.0:0"], [[]]])
def test_what_is_not_an_address_is_refused(bind: object) -> None:
    with pytest.raises(ValidationError):
        ListenerSettings.model_validate({"bind": bind, "pool": "chat"})


def test_by_default_nothing_is_limited() -> None:
    listener = ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat"})
    assert (listener.max_connections, listener.max_connections_per_client, listener.accept_rate) == (0, 0, 0)


@pytest.mark.parametrize(
    ("given", "burst"),
    [({"accept_rate": 200}, 20), ({"accept_rate": 9}, 1), ({"accept_rate": 200, "accept_burst": 3}, 3)],
)
def test_the_burst_is_what_the_rate_gives_in_a_tenth_of_a_second_unless_it_is_given(
    given: dict[str, int], burst: int
) -> None:
    assert ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat", **given}).burst == burst


@pytest.mark.parametrize("given", [{"max_connections": -1}, {"accept_rate": "fast"}, {"accept_burst": 0}])
def test_limits_that_are_no_numbers_within_bounds_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="expected a whole number from"):
        ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat", **given})


def test_a_burst_without_a_rate_is_refused() -> None:
    with pytest.raises(ValidationError, match="there is no accept_rate"):
        ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "chat", "accept_burst": 5})


def test_workers_are_told_what_a_listener_is_set_to() -> None:
    limits = {"max_connections": 2, "max_connections_per_client": 3, "client_ipv6_prefix": 48}
    listener = ListenerSettings.model_validate(
        {"bind": "0.0.0.0:80", "pool": "p", "accept_rate": 50, "keepalive": {"idle": "9s"}, "peer_timeout": "0s", **limits}
    )
    assert asdict(listener.options) == {
        **limits,
        "accept_rate": 50,
        "accept_burst": 5,
        "connection": asdict(ConnectionOptions(9.0, 15.0, 4, 0.0, 0, 0, 0)),
    }
