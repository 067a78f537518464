"""Listeners."""

import pytest
from pydantic import ValidationError

from app.core.address import Address
from app.settings.listener import ListenerSettings


@pytest.mark.parametrize("bind", ["0.0.0.0:80, [::]:81", ["0.0.0.0:80", "[::]:81"]], ids=["text", "list"])
def test_a_listener_binds_several_addresses(bind: object) -> None:
    listener = ListenerSettings.model_validate({"bind": bind, "pool": "chat"})
    assert listener.bind == (Address("0.0.0.0", 80), Address("::", 81))


@pytest.mark.parametrize("bind", ["", [], ",", 80, "80", ["0.0.0.0:0"], [[]]])
def test_what_is_not_an_address_is_refused(bind: object) -> None:
    with pytest.raises(ValidationError):
        ListenerSettings.model_validate({"bind": bind, "pool": "chat"})
