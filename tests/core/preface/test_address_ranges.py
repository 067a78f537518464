"""Sets of addresses."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.preface.address_ranges import EXPECTED, parse_ranges

IPV4 = st.builds(
    lambda ip, length: ip_network((ip, length), strict=False), st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 32)
)
IPV6 = st.builds(
    lambda ip, length: ip_network((ip, length), strict=False),
    st.integers(0, 2**128 - 1).map(IPv6Address),
    st.integers(0, 128),
)
NETWORKS = st.lists(IPV4 | IPV6, max_size=20)


@given(NETWORKS, st.data())
def test_an_address_is_in_the_set_as_by_trying_all_networks(networks: list[IPv4Address], data: st.DataObject) -> None:
    ranges = parse_ranges(str(network) for network in networks)
    near = [edge + step for network in networks for edge in (int(network[0]), int(network[-1])) for step in (-1, 0, 1)]  # type: ignore[index]
    number = data.draw(st.integers(0, 2**32 - 1) | (st.sampled_from(near) if near else st.nothing()))
    for address in candidates(number):
        expected = any(address in network for network in networks)  # type: ignore[operator]
        assert (str(address) in ranges) == expected


def candidates(number: int) -> list[IPv4Address | IPv6Address]:
    found: list[IPv4Address | IPv6Address] = []
    if 0 <= number < 2**32:
        found.append(IPv4Address(number))
    if 0 <= number < 2**128 and number >> 32 != 0xFFFF:
        found.append(IPv6Address(number))
    return found


@given(NETWORKS)
def test_ranges_are_in_order_and_neither_overlap_nor_touch(networks: list[IPv4Address]) -> None:
    ranges = parse_ranges(str(network) for network in networks)
    for firsts, lasts in (ranges.ipv4, ranges.ipv6):
        assert len(firsts) == len(lasts)
        bounds = [bound for pair in zip(firsts, lasts, strict=True) for bound in pair]
        assert bounds == sorted(bounds)
        assert all(later - earlier > 1 for earlier, later in zip(lasts, firsts[1:], strict=False))


@pytest.mark.parametrize(
    ("texts", "inside", "outside"),
    [
        (["10.0.0.5"], ["10.0.0.5", "::ffff:10.0.0.5", "::ffff:a00:5"], ["10.0.0.4", "10.0.0.6", "::a00:5"]),
        (["10.0.0.0/8"], ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0"]),
        (["::/0"], ["::1", "2001:db8::1", "ffff::"], ["10.0.0.1", "::ffff:10.0.0.1"]),
        (["0.0.0.0/0"], ["0.0.0.0", "255.255.255.255", "::ffff:10.0.0.1"], ["::1"]),
        (["::ffff:10.0.0.0/104"], ["10.0.0.0", "10.255.255.255"], ["11.0.0.0", "::1"]),
        (["::ffff:0:0/96"], ["10.0.0.0", "::ffff:1.2.3.4"], ["::1"]),
        (["fe80::/10"], ["fe80::1%eth0", "fe80::1"], ["fec0::1%eth0"]),
        (["10.0.0.0/25", "10.0.0.128/25", "10.0.0.7"], ["10.0.0.0", "10.0.0.255"], ["10.0.1.0"]),
        ([" 10.0.0.5/32 \n"], ["10.0.0.5"], ["10.0.0.6"]),
        ([], [], ["10.0.0.1", "::1", "", "unix", "10.0.0", "10.0.0.1/8"]),
        (["0.0.0.0/0", "::/0"], [], ["", "unix", "10.0.0.256", "::g"]),
    ],
)
def test_clients_are_judged_by_their_real_address(texts: list[str], inside: list[str], outside: list[str]) -> None:
    ranges = parse_ranges(texts)
    assert [address for address in inside if address not in ranges] == []
    assert [address for address in outside if address in ranges] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("10.0.0.1/8", "'10.0.0.1/8' has bits set after its prefix, 10.0.0.0/8 is probably meant"),
        ("2001:db8::1/32", "'2001:db8::1/32' has bits set after its prefix, 2001:db8::/32 is probably meant"),
        ("::ffff:10.0.0.1/64", "'::ffff:10.0.0.1/64' has bits set after its prefix, ::/64 is probably meant"),
        ("10.0.0.0/33", "'10.0.0.0/33': a prefix of IPv4 is a number from 0 to 32"),
        ("10.0.0.0/", "'10.0.0.0/': a prefix of IPv4 is a number from 0 to 32"),
        ("10.0.0.0/255.0.0.0", "'10.0.0.0/255.0.0.0': a prefix of IPv4 is a number from 0 to 32"),
        ("10.0.0.0/-1", "'10.0.0.0/-1': a prefix of IPv4 is a number from 0 to 32"),
        ("10.0.0.0/٨", "'10.0.0.0/٨': a prefix of IPv4 is a number from 0 to 32"),
        ("::/129", "'::/129': a prefix of IPv6 is a number from 0 to 128"),
        ("::/0128", "'::/0128': a prefix of IPv6 is a number from 0 to 128"),
        ("10.0.0/8", f"'10.0.0/8': {EXPECTED}"),
        ("chat.example.com", f"'chat.example.com': {EXPECTED}"),
        ("[::1]", f"'[::1]': {EXPECTED}"),
        ("", f"'': {EXPECTED}"),
        ("10.0.0.0 /8", f"'10.0.0.0 /8': {EXPECTED}"),
        ("fe80::1%eth0", "'fe80::1%eth0': the zone of an address can not be part of a network"),
        ("fe80::%eth0/10", "'fe80::%eth0/10': the zone of an address can not be part of a network"),
    ],
)
def test_a_wrong_entry_is_named_with_what_would_be_right(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_ranges(["10.0.0.0/8", text])


@given(st.ip_addresses())
def test_an_address_alone_is_a_network_of_one(address: IPv4Address | IPv6Address) -> None:
    ranges = parse_ranges([str(address)])
    assert str(address) in ranges
    assert str(ip_address(int(address) ^ 1) if address.version == 4 else IPv6Address(int(address) ^ 1)) not in ranges
