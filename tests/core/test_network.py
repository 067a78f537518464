"""Clients by network."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.network import EACH_ALONE, Networks


@given(st.ip_addresses(), st.integers(0, 32), st.integers(0, 128))
def test_a_client_is_the_first_address_of_its_network(
    client: IPv4Address | IPv6Address, ipv4_prefix: int, ipv6_prefix: int
) -> None:
    prefix = ipv4_prefix if client.version == 4 else ipv6_prefix
    if client.version == 4 or client.ipv4_mapped is None:
        expected = ip_network(f"{client}/{prefix}", strict=False).network_address
        assert ip_address(Networks(ipv4_prefix, ipv6_prefix).of(str(client))) == expected


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_an_ipv4_mapped_address_is_the_ipv4_address_in_it(client: IPv4Address, prefix: int) -> None:
    networks = Networks(prefix, 64)
    mapped = IPv6Address(f"::ffff:{client}")
    for written in (f"::ffff:{client}", mapped.exploded):
        assert networks.of(written) == networks.of(str(client))


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("10.1.2.3", "10.1.2.0"),
        ("10.1.2.255", "10.1.2.0"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::"),
        ("fe80::1%eth0", "fe80::%eth0"),
        ("", ""),
        ("unix", "unix"),
        ("10.1.2.3.4", "10.1.2.3.4"),
    ],
)
def test_what_is_no_address_is_as_it_is_and_zones_stay(client: str, network: str) -> None:
    assert Networks(24, 64).of(client) == network


@given(st.ip_addresses().map(str))
def test_with_all_bits_each_client_is_on_its_own(client: str) -> None:
    assert ip_address(EACH_ALONE.of(client)) in (ip_address(client), getattr(ip_address(client), "ipv4_mapped", None))
