"""Addresses to listen on, with the permissions of Unix sockets."""

import re

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from tidegate.core.address import Address
from tidegate.core.bind import Bind
from tidegate.settings.notation.addresses import BACKEND_ADDRESS, BIND, HOST_AND_PORT, LISTEN_ADDRESS

SOCKET = Address("unix:/run/tidegate.sock", 0)


@pytest.mark.parametrize(
    ("text", "bind", "printed"),
    [
        ("0.0.0.0:80", Bind(Address("0.0.0.0", 80)), "0.0.0.0:80"),
        ("unix:/run/tidegate.sock", Bind(SOCKET, 0o600), "unix:/run/tidegate.sock"),
        (" unix:/run/tidegate.sock   mode=0660 ", Bind(SOCKET, 0o660), "unix:/run/tidegate.sock mode=0660"),
        ("unix:/run/tidegate.sock mode=777", Bind(SOCKET, 0o777), "unix:/run/tidegate.sock mode=0777"),
    ],
)
def test_what_a_listener_is_bound_to_is_read_and_printed(text: str, bind: Bind, printed: str) -> None:
    assert BIND.read(text) == bind
    assert BIND.write(bind) == printed
    assert BIND.read(printed) == BIND.read(bind) == bind
    assert Draft7Validator(BIND.schema).is_valid(text.strip())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "unix:/run/a mode=0668",
            "unknown 'mode=0668': expected the permissions of the file, with those of its owner, like mode=0660",
        ),
        ("unix:/run/a mode=0060", "unknown 'mode=0060': expected"),
        ("unix:/run/a mode=1777", "unknown 'mode=1777': expected"),
        ("unix:/run/a user=web", "unknown 'user=web': expected"),
        ("unix:/run/a mode=0660 mode=0600", "unknown 'mode=0660 mode=0600': expected"),
        ("unix:a", "expected unix: and the path of a socket"),
        ("0.0.0.0:80 mode=0660", "port '80 mode=0660' is not a number"),
        (":80", "0.0.0.0:80 for IPv4 or [::]:80 for IPv6"),
    ],
)
def test_what_a_listener_cannot_be_bound_to_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        BIND.read(text)
    assert not Draft7Validator(BIND.schema).is_valid(text)


def test_backends_may_be_unix_sockets_and_other_servers_may_not() -> None:
    assert BACKEND_ADDRESS.read("unix:/run/app.sock") == Address("unix:/run/app.sock", 0)
    assert Draft7Validator(BACKEND_ADDRESS.schema).is_valid("unix:/run/app.sock")
    for notation in (LISTEN_ADDRESS, HOST_AND_PORT):
        with pytest.raises(ValueError, match="expected host:port"):
            notation.read("unix:/run/app.sock")
        assert not Draft7Validator(notation.schema).is_valid("unix:/run/app.sock")
