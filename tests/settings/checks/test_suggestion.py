"""What somebody may have meant."""

import pytest

from tidegate.settings.checks.suggestion import nearest

VALID = ["backends", "balance", "health__interval", "idle_timeout"]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("backend", "backends"),
        ("HEALTH_INTERVAL", "health__interval"),
        ("idle_time", "idle_timeout"),
        ("kubernetes__service", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_suggested(wrong: str, meant: str | None) -> None:
    assert nearest(wrong, VALID) == meant
