"""Backends as text and as mappings."""

import re

import pytest
from pydantic import ValidationError

from tidegate.core.address import Address
from tidegate.settings.parts.backend import BackendSettings


@pytest.mark.parametrize(
    ("written", "backend"),
    [
        pytest.param("10.0.0.5:8001", BackendSettings(address=Address("10.0.0.5", 8001)), id="address"),
        pytest.param(
            "chat:1 weight=2 max_connections=500 backup no_check",
            BackendSettings(address=Address("chat", 1), weight=2, max_connections=500, backup=True, no_check=True),
            id="every option",
        ),
        pytest.param({"address": "chat:1"}, BackendSettings(address=Address("chat", 1)), id="mapping"),
        pytest.param(
            {"address": "chat:1", "weight": "2", "max_connections": None, "backup": "true"},
            BackendSettings(address=Address("chat", 1), weight=2, backup=True),
            id="mapping with options",
        ),
        pytest.param(BackendSettings(address=Address("chat", 1)), BackendSettings(address=Address("chat", 1)), id="itself"),
    ],
)
def test_a_backend_is_read(written: object, backend: BackendSettings) -> None:
    assert BackendSettings.model_validate(written) == backend


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("chat:1 wieght=2", "unknown option 'wieght=2': expected weight=N, max_connections=N, backup or no_check"),
        ("chat:1 weight", "unknown option 'weight'"),
        ("chat:1 backup=yes", "unknown option 'backup=yes'"),
        ("chat:1 no_check=true", "unknown option 'no_check=true'"),
        ("chat:1 no_check no_check", "option no_check is given twice"),
        ("chat:1 weight=2 weight=3", "option weight is given twice"),
        ("chat:1 weight=0", "expected a whole number from 1 to 65535"),
        ("chat:1 max_connections=-1", "expected a whole number from 0 to 1000000 (0 means no limit)"),
        ("chat", "expected host:port"),
        ({"weight": "3"}, "no address"),
        ({"address": ""}, "no address"),
        (3, "no address"),
        ("", "no address: expected host:port"),
        (" ", "no address: expected host:port"),
        (None, "no address"),
    ],
)
def test_a_refusal_says_what_would_be_valid(written: object, message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        BackendSettings.model_validate(written)
