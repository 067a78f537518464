"""Settings of single kinds of probes, as they are written."""

import pytest

from tidegate.settings.notation.probe_text import EXPRESSION, IP_ADDRESS, PASSWORD, SERVER_NAME, escaped_bytes
from tidegate.settings.secrets import Secret


@pytest.mark.parametrize(("text", "host"), [("10.0.0.5", "10.0.0.5"), (" [FD00::5] ", "fd00::5"), ("::1", "::1")])
def test_an_address_is_an_ip_address(text: str, host: str) -> None:
    assert IP_ADDRESS.read(text) == host


@pytest.mark.parametrize(("text", "name"), [("Chat.Example.", "chat.example"), ("10.0.0.5", "10.0.0.5"), ("[::1]", "::1")])
def test_a_server_name_is_what_certificates_have(text: str, name: str) -> None:
    assert SERVER_NAME.read(text) == name


def test_values_that_are_read_already_are_kept() -> None:
    assert escaped_bytes(9).read(b"\xff") == b"\xff"
    assert PASSWORD.read(Secret("secret")) == Secret("secret")
    assert EXPRESSION.read("^a+$") == "^a+$"


def test_nothing_of_the_bytes_is_trimmed() -> None:
    assert escaped_bytes(9).read(" a ") == b" a "
