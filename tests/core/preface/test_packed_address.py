"""IP addresses as bytes and as text."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.preface.packed_address import as_ipv6, packed, text_of


@given(st.ip_addresses())
def test_an_address_is_its_bytes_and_they_are_its_text(address: IPv4Address | IPv6Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    assert packed(str(address)) == (mapped or address).packed
    assert packed(address.exploded.upper()) == packed(str(address))
    assert ip_address(text_of(packed(str(address)))) == (mapped or address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_mapped_address_is_its_ipv4_address(address: IPv4Address) -> None:
    assert packed(f"::ffff:{address}") == packed(str(address)) == address.packed
    assert text_of(as_ipv6(address.packed)) == text_of(address.packed) == str(address)
    assert IPv6Address(as_ipv6(address.packed)).ipv4_mapped == address


def test_a_zone_is_left_out() -> None:
    assert packed("fe80::1%eth0") == IPv6Address("fe80::1").packed
    assert as_ipv6(packed("fe80::1")) == packed("fe80::1")


@pytest.mark.parametrize(
    "text", ["", "unix", "10.0.0", "10.0.0.1.2", "10.0.0.256", "10.0.0.01", "10.0.0.+1", "10.0.0.1%a", ":", "::g"]
)
def test_other_text_has_no_bytes(text: str) -> None:
    assert packed(text) == b""


@given(st.text("0123456789abcdef.:%", max_size=20) | st.text(max_size=10))
def test_any_text_is_judged_as_python_does(text: str) -> None:
    try:
        expected = ip_address(text)
    except ValueError:
        assert packed(text) == b""
    else:
        assert packed(text) == (getattr(expected, "ipv4_mapped", None) or expected).packed
