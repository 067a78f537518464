"""Settings as plain values: what control gets instead of the model."""

import pickle
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from tidegate.core.pools.options import PoolOptions
from tidegate.settings.loading import load_settings
from tidegate.settings.plain import plain
from tidegate.settings.words import HealthType

ENVIRON = {
    "TIDEGATE_LISTEN": "127.0.0.1:8000",
    "TIDEGATE_BACKENDS": "a:1 weight=2, 10.0.0.5:8001 backup",
    "TIDEGATE_HEALTH__TYPE": "http",
    "TIDEGATE_HEALTH__HEADERS": "X-Key: correct-horse",
    "TIDEGATE_ADMIN_TOKEN": "battery-staple",
    "TIDEGATE_POOLS__CHAT__KUBERNETES__SERVICE": "chat/socketio",
    "TIDEGATE_LISTENERS__CHAT__BIND": "127.0.0.1:8001, [::1]:8001",
}


def handed_over(environ: Mapping[str, str]) -> Any:
    """The settings as they are in another process."""
    return pickle.loads(pickle.dumps(plain(load_settings(environ))))


def differences(model: object, value: Any, where: str = "settings") -> list[str]:
    """Where a plain value lacks something of the model, or has another value."""
    if isinstance(model, BaseModel):
        kind = type(model)
        names = [name for name in dir(kind) if name in kind.model_fields or isinstance(getattr(kind, name, None), property)]
        names += kind.model_fields
        own = [name for name in names if not hasattr(BaseSettings, name)]
        return [text for name in own for text in differences(getattr(model, name), getattr(value, name), f"{where}.{name}")]
    if isinstance(model, Mapping):
        assert list(model) == list(value)
        return [text for key in model for text in differences(model[key], value[key], f"{where}.{key}")]
    if type(model) is tuple:
        assert len(model) == len(value)
        pairs = zip(model, value, strict=True)
        return [text for number, pair in enumerate(pairs) for text in differences(*pair, f"{where}[{number}]")]
    return [] if model == value and type(model) is type(value) else [f"{where}: {model!r}, {value!r}"]


def test_plain_values_have_all_fields_and_properties_of_the_model() -> None:
    value = handed_over(ENVIRON)
    assert differences(load_settings(ENVIRON), value) == []
    assert value.pools["default"].health.type is HealthType.HTTP
    assert isinstance(value.pools["default"].options, PoolOptions)
    assert value.pools["chat"].source == "kubernetes"


def test_plain_values_have_nothing_of_pydantic() -> None:
    assert b"pydantic" not in pickle.dumps(plain(load_settings(ENVIRON)))


def test_plain_values_cannot_change() -> None:
    value = handed_over(ENVIRON)
    with pytest.raises(AttributeError, match="do not change: workers"):
        value.workers = 3


def test_plain_values_show_no_secret() -> None:
    value = handed_over(ENVIRON)
    default = value.pools["default"]
    assert dict(default.health.headers.items()) == {"X-Key": "correct-horse"}
    assert value.admin_token.reveal() == "battery-staple"
    shown = f"{vars(value)} {vars(default.health)} {value.admin_token}"
    assert "correct-horse" not in shown
    assert "battery-staple" not in shown
