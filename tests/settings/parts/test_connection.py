"""Connections to clients and to backends."""

import pytest

from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.loading import load_settings
from tidegate.settings.parts.connection import ConnectionSettings

FLAT = {"TIDEGATE_BACKENDS": "10.0.0.5:8001"}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, 120),
        ({"keepalive": {"idle": "10s", "interval": "5s", "count": 3}}, 25),
        ({"keepalive": {"idle": "10s"}, "peer_timeout": "30s"}, 30),
        ({"peer_timeout": "0"}, 0),
    ],
)
def test_data_may_be_unacknowledged_for_as_long_as_an_idle_peer_may_be_silent_unless_it_is_given(
    given: dict[str, object], seconds: float
) -> None:
    assert ConnectionSettings.model_validate(given).effective_peer_timeout == seconds


def test_the_flat_form_sets_both_sides_and_the_named_form_each() -> None:
    flat = load_settings({**FLAT, "TIDEGATE_PEER_TIMEOUT": "30s", "TIDEGATE_KEEPALIVE__IDLE": "10s"})
    for part in (flat.listeners["default"], flat.pools["default"]):
        assert (part.peer_timeout, part.keepalive.idle) == (30, 10)
    named = load_settings(
        {
            "TIDEGATE_LISTENERS__WEB__BIND": "0.0.0.0:80",
            "TIDEGATE_LISTENERS__WEB__PEER_TIMEOUT": "30s",
            "TIDEGATE_POOLS__WEB__BACKENDS": "10.0.0.5:8001",
            "TIDEGATE_POOLS__WEB__KEEPALIVE__COUNT": "2",
        }
    )
    assert named.listeners["web"].effective_peer_timeout == 30
    assert named.pools["web"].effective_peer_timeout == 90


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KEEPALIVE__IDLE", "500ms"),
        ("KEEPALIVE__INTERVAL", "10h"),
        ("KEEPALIVE__COUNT", "0"),
        ("PEER_TIMEOUT", "8000h"),
        ("RECEIVE_BUFFER", "1"),
        ("SEND_BUFFER", "2GiB"),
        ("NOTSENT_LOWAT", "1KiB"),
    ],
)
def test_what_the_kernel_would_not_take_is_refused_once(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({**FLAT, f"TIDEGATE_{variable}": value})
    (problem,) = refused.value.problems
    assert problem.startswith(f"TIDEGATE_{variable}: '{value}': expected a ")


def test_buffers_are_left_to_the_kernel_unless_they_are_given() -> None:
    kernel = load_settings({**FLAT, "TIDEGATE_SEND_BUFFER": "0"}).pools["default"]
    assert (kernel.receive_buffer, kernel.send_buffer, kernel.notsent_lowat) == (0, 0, 0)
    given = load_settings({**FLAT, "TIDEGATE_RECEIVE_BUFFER": "64KiB"}).listeners["default"]
    assert given.receive_buffer == 65536
