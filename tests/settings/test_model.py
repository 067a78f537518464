"""The settings as one value."""

import pytest
from pydantic import ValidationError

from tidegate.settings.model import Settings

PLAIN = {
    "listeners": {"default": {"bind": "0.0.0.0:8000", "pool": "default"}},
    "pools": {"default": {"backends": "a:1"}},
    "admin_token": "correct-horse",
}


def test_settings_can_be_made_without_any_source() -> None:
    settings = Settings.model_validate(PLAIN)
    assert list(settings.pools) == ["default"]
    assert str(settings.admin) == "0.0.0.0:9000"


def test_nothing_in_settings_can_change() -> None:
    settings = Settings.model_validate(PLAIN)
    with pytest.raises(ValidationError):
        settings.workers = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.pools["other"] = settings.pools["default"]  # type: ignore[index]


def test_the_token_is_never_shown() -> None:
    assert "correct-horse" not in repr(Settings.model_validate(PLAIN))
