"""Active checks of a pool."""

import pytest
from pydantic import ValidationError

from app.settings.health import HealthSettings, HealthType


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"type": "http"}, "/"),
        ({"type": "socketio"}, "/socket.io/"),
        ({}, "/"),
        ({"type": "socketio", "path": "/chat/"}, "/chat/"),
    ],
)
def test_the_usual_path_depends_on_the_type(given: dict[str, object], path: str) -> None:
    assert HealthSettings.model_validate(given).path == path


def test_the_defaults_are_those_of_the_contract() -> None:
    health = HealthSettings()
    assert (health.type, health.interval, health.timeout) == (HealthType.TCP, 3.0, 1.0)
    assert (health.rise, health.fall, health.port, health.host) == (2, 5, None, None)
    assert str(health.expect_status) == "200-399"


@pytest.mark.parametrize("given", [{"timeout": "4s"}, {"interval": "500ms"}], ids=["timeout", "default timeout"])
def test_a_timeout_longer_than_the_interval_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="is longer than the interval: expected at most"):
        HealthSettings.model_validate(given)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("type", "redis"),
        ("rise", "0"),
        ("fall", "0"),
        ("port", "65536"),
        ("path", "chat"),
        ("path", "/a b"),
        ("path", "/a\r\nb"),
        ("host", "a\tb"),
        ("host", "a\x00"),
        ("interval", "0"),
        ("timeout", "nan"),
        ("expect_status", "ok"),
        ("send", "PING"),
    ],
)
def test_values_out_of_bounds_are_refused(key: str, value: str) -> None:
    with pytest.raises(ValidationError):
        HealthSettings.model_validate({key: value})
