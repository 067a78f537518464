"""Unix sockets as text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.address import Address, parse_address
from tidegate.core.unix_socket import LONGEST_PATH, is_unix, parse_unix_socket, path_of


@pytest.mark.parametrize("path", ["/a", "/run/app.sock", "/var/run/some-app_1/$x@y:8000", "/" + "a" * (LONGEST_PATH - 1)])
def test_the_path_of_a_socket_is_read_and_printed_unchanged(path: str) -> None:
    address = parse_address(f" unix:{path}\n")
    assert address == Address(f"unix:{path}", 0)
    assert str(address) == f"unix:{path}"
    assert path_of(address.host) == path
    assert is_unix(address.host)
    assert address.is_resolved


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("unix:", "expected unix: and the path of a socket, like unix:/run/app.sock"),
        ("unix:80", "expected unix: and the path of a socket, like unix:/run/app.sock"),
        ("unix:app.sock", "expected unix: and the path of a socket, like unix:/run/app.sock"),
        ("unix:@abstract", "expected unix: and the path of a socket, like unix:/run/app.sock"),
        ("unix:/", "'/' is not the shortest notation"),
        ("unix://run/a", "'//run/a' is not the shortest notation"),
        ("unix:/run//a", "'/run//a' is not the shortest notation"),
        ("unix:/run/", "'/run/' is not the shortest notation"),
        ("unix:/run/../a", "'/run/../a' is not the shortest notation"),
        ("unix:/run/./a", "'/run/./a' is not the shortest notation"),
        ("unix:/a b", "no spaces"),
        ("unix:/a\x00b", "no spaces"),
        ("unix:/\udc80", "no spaces"),
        ('unix:/"', "and quotes"),
        ("unix:/a,b", "none of , ; # %"),
        ("unix:/" + "ä" * 54, "at most 107 bytes"),
    ],
)
def test_what_is_no_path_of_a_socket_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_address(text)


@given(st.text())
def test_any_text_is_a_unix_socket_or_a_value_error(text: str) -> None:
    try:
        host = parse_unix_socket(f"unix:/{text}")
    except ValueError:
        return
    assert parse_unix_socket(host) == host == f"unix:/{text}"
