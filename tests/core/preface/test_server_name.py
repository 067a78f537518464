"""Names that clients ask for by TLS."""

import pytest

from tidegate.core.preface.server_name import server_name

LABEL = b"a" * 63
LONGEST = b".".join([LABEL] * 3 + [b"b" * 61])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(b"chat.example.com", "chat.example.com", id="a-name"),
        pytest.param(b"Chat.EXAMPLE.com.", "chat.example.com", id="case-and-dot"),
        pytest.param(b"localhost", "localhost", id="one-label"),
        pytest.param(b"_sip.a-b.1x", "_sip.a-b.1x", id="underscore-hyphen-digit"),
        pytest.param(b"10.0.0.5.example", "10.0.0.5.example", id="digits-before-the-end"),
        pytest.param(LONGEST, LONGEST.decode(), id="longest"),
    ],
)
def test_a_host_name_is_in_lower_case_and_without_its_last_dot(name: bytes, expected: str) -> None:
    assert server_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [b"", b".", b"a..b", b"a.com..", b".a", b"10.0.0.5", b"10.0.0.5.", b"5", b"::1", b"[::1]", b"-a.b", b"a-.b", b"a b",
     b"a\n", b"a\0.b",      b"*.a", b"a:443", "chät.example".encode(), b"a\xff", LABEL + b"a", LONGEST + b"b", b"a." * 5000],
)  # fmt: skip
def test_what_is_no_host_name_is_no_name(name: bytes) -> None:
    assert server_name(name) == ""
