"""Hosts, with and without a port."""

import pytest

from tidegate.core.preface.authority import has_port, host_of
from tidegate.core.preface.outcome import MalformedError


@pytest.mark.parametrize(
    ("authority", "host"),
    [("", ""), (".", ""), (":80", ""), ("A.b", "a.b"), ("a.b.", "a.b"), ("a:", "a"), ("a.:65535", "a"),
     ("10.0.0.5:1", "10.0.0.5"),
     ("[::1]", "::1"), ("[0:0::1]:80", "::1"), ("[::ffff:10.0.0.5]", "10.0.0.5"), ("_x~!$&'()*+,;=%4a", "_x~!$&'()*+,;=%4a"),
     ("a" * 255, "a" * 255)],
)  # fmt: skip
def test_a_host_is_in_lower_case_and_without_port_and_last_dot(authority: str, host: str) -> None:
    assert host_of(authority) == host


@pytest.mark.parametrize(
    "authority",
    ["a b", "a\tb", "u@a", "a/b", "a:b", "a:80:80", "::1", "[::1", "::1]", "[::1]x", "[10.0.0.5]", "[::g]", "[::1%eth0]",
     "[]", "%4g", "%", "\xe4", "a:٨٠", "a:123456", "a" * 256, "a\n"],
)  # fmt: skip
def test_what_is_no_host_is_malformed(authority: str) -> None:
    with pytest.raises(MalformedError, match="an HTTP request with an invalid host"):
        host_of(authority)


@pytest.mark.parametrize(
    ("authority", "expected"),
    [("a:80", True), ("[::1]:80", True), ("a", False), ("a:", False), (":80", False), ("[::1]", False), ("", False)],
)
def test_a_port_is_told_from_the_end_of_an_ipv6_address(authority: str, expected: bool) -> None:  # noqa: FBT001
    assert has_port(authority) is expected
