"""Settings of single kinds of probes, as they are written."""

import pytest

from tidegate.settings.notation.probe_text import EXPRESSION, IP_ADDRESS, PASSWORD, SERVER_NAME, escaped_bytes
from tidegate.settings.notation.values import Notation
from tidegate.settings.secrets import Secret


@pytest.mark.parametrize(("text", "host"), [("10.0.0.5", "10.0.0.5"), (" [FD00::5] ", "fd00::5"), ("::1", "::1")])
def test_an_address_is_an_ip_address(text: str, host: str) -> None:
    assert IP_ADDRESS.read(text) == host


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Chat.Example.", "chat.example"),
        ("x.chat.index", "x.chat.index"),
        ("10.0.0.5", "10.0.0.5"),
        ("[::1]", "::1"),
    ],
)
def test_a_server_name_is_what_certificates_have(text: str, name: str) -> None:
    assert SERVER_NAME.read(text) == name


@pytest.mark.parametrize(
    ("notation", "written", "message"),
    [
        (IP_ADDRESS, "chat.example", "an IP address"),
        (IP_ADDRESS, "10.0.0.5x", "an IP address"),
        (IP_ADDRESS, None, "an IP address"),
        (SERVER_NAME, " ", "a host name, like chat.example.com"),
        (SERVER_NAME, 7, "a host name, like chat.example.com"),
    ],
)
def test_what_is_no_host_is_refused(notation: Notation, written: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"expected {message}"):
        notation.read(written)


def test_values_that_are_read_already_are_kept() -> None:
    assert escaped_bytes(9).read(b"\xff") == b"\xff"
    assert PASSWORD.read(Secret("secret")) == Secret("secret")
    assert PASSWORD.read("xx") == Secret("xx")
    assert EXPRESSION.read("^a+$") == "^a+$"


@pytest.mark.parametrize(
    ("notation", "most", "message"),
    [
        (EXPRESSION, 1000, "a regular expression of 1 to 1000 characters"),
        (PASSWORD, 512, "1 to 512 printable characters"),
        (escaped_bytes(9), 9, "text of 1 to 9 bytes"),
    ],
)
def test_a_text_is_neither_empty_nor_too_long(notation: Notation, most: int, message: str) -> None:
    for length in (1, most):
        notation.read("a" * length)
    for wrong in ("", "a" * (most + 1), 1, None):
        with pytest.raises(ValueError, match=f"expected {message}"):
            notation.read(wrong)


def test_nothing_of_the_bytes_is_trimmed() -> None:
    assert escaped_bytes(9).read(" a ") == b" a "


@pytest.mark.parametrize("written", ["*", "**********", Secret("**********")])
def test_the_mask_of_a_password_is_no_password(written: object) -> None:
    with pytest.raises(ValueError, match="this is the mask that stands for a password"):
        PASSWORD.read(written)


@pytest.mark.parametrize("written", ["a\nb", "\t", 7, None])
def test_a_password_has_printable_characters_only(written: object) -> None:
    with pytest.raises(ValueError, match="expected 1 to 512 printable characters"):
        PASSWORD.read(written)
