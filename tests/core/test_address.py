"""Addresses as text and back."""

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.address import Address, alternating, is_ip, parse_host, parse_host_and_port, parse_port

EXPECTED = "expected host:port, like 10.0.0.5:8001 or [::1]:8001"
NEEDS_BRACKETS = "an IPv6 address needs brackets, like [::1]:8001"

LABELS = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?", fullmatch=True)
NAMES = st.builds(lambda labels, last, dot: ".".join([*labels, last]) + dot,
                  st.lists(LABELS, max_size=4), st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True),
                  st.sampled_from(["", "."]))  # fmt: skip
PORTS = st.integers(1, 65535)
HOSTS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda ip: f"[{ip}]"),
    st.ip_addresses(v=6).map(lambda ip: f"[{ip.exploded.upper()}]"),
    NAMES,
    NAMES.map(str.upper),
)


@pytest.mark.parametrize(
    ("text", "address", "printed"),
    [
        pytest.param("10.0.0.5:8001", Address("10.0.0.5", 8001), "10.0.0.5:8001", id="ipv4"),
        pytest.param("0.0.0.0:1", Address("0.0.0.0", 1), "0.0.0.0:1", id="ipv4-any"),
        pytest.param("10.0.0.5:65535", Address("10.0.0.5", 65535), "10.0.0.5:65535", id="last-port"),
        pytest.param(" 10.0.0.5:8001\n", Address("10.0.0.5", 8001), "10.0.0.5:8001", id="space-around"),
        pytest.param("[::1]:8001", Address("::1", 8001), "[::1]:8001", id="ipv6"),
        pytest.param("[::]:8000", Address("::", 8000), "[::]:8000", id="ipv6-any"),
        pytest.param("[2001:0DB8:0:0:0:0:0:5]:80", Address("2001:db8::5", 80), "[2001:db8::5]:80", id="ipv6-long"),
        pytest.param("[fe80::1%eth0]:80", Address("fe80::1%eth0", 80), "[fe80::1%eth0]:80", id="ipv6-zone"),
        pytest.param("localhost:80", Address("localhost", 80), "localhost:80", id="one-label"),
        pytest.param("Chat.Internal:80", Address("chat.internal", 80), "chat.internal:80", id="upper-case"),
        pytest.param("chat.internal.:80", Address("chat.internal.", 80), "chat.internal.:80", id="final-dot"),
        pytest.param("my_app-1.x:80", Address("my_app-1.x", 80), "my_app-1.x:80", id="underscore-and-hyphen"),
        pytest.param("10.0.0.5.example:80", Address("10.0.0.5.example", 80), "10.0.0.5.example:80", id="digits"),
    ],
)
def test_an_address_is_read_and_printed_in_one_form(text: str, address: Address, printed: str) -> None:
    assert parse_host_and_port(text) == address
    assert str(address) == printed


def test_an_ipv4_mapped_address_reads_the_same_on_every_python() -> None:
    # RFC 5952, section 5; Python 3.11 and 3.12 would say ::ffff:a00:5. It is part of a backend's name.
    assert str(parse_host_and_port("[::FFFF:10.0.0.5]:80")) == "[::ffff:10.0.0.5]:80"
    assert str(parse_host_and_port("[::ffff:a00:5]:80")) == "[::ffff:10.0.0.5]:80"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", EXPECTED, id="nothing"),
        pytest.param("10.0.0.5", EXPECTED, id="no-port"),
        pytest.param(":8001", EXPECTED, id="no-host"),
        pytest.param("::1:8001", NEEDS_BRACKETS, id="no-brackets"),
        pytest.param("2001:db8::5", NEEDS_BRACKETS, id="no-brackets-no-port"),
        pytest.param("[10.0.0.5]:80", "'10.0.0.5' in brackets is not an IPv6 address", id="ipv4-in-brackets"),
        pytest.param("[::g]:80", "'::g' in brackets is not an IPv6 address", id="bad-ipv6"),
        pytest.param("[]:80", "'' in brackets is not an IPv6 address", id="empty-brackets"),
        pytest.param("10.0.0.5:", "port '' is not a number from 1 to 65535", id="empty-port"),
        pytest.param("10.0.0.5:0", "port '0' is not a number from 1 to 65535", id="port-zero"),
        pytest.param("10.0.0.5:65536", "port '65536' is not a number from 1 to 65535", id="port-too-high"),
        pytest.param("10.0.0.5:000080", "port '000080' is not a number from 1 to 65535", id="port-too-long"),
        pytest.param("10.0.0.5:-1", "port '-1' is not a number from 1 to 65535", id="port-negative"),
        pytest.param("10.0.0.5: 80", "port ' 80' is not a number from 1 to 65535", id="port-with-space"),
        pytest.param("10.0.0.5:٨٠", "port '٨٠' is not a number from 1 to 65535", id="port-not-ascii"),
        pytest.param("10.0.0.5:http", "port 'http' is not a number from 1 to 65535", id="port-name"),
        pytest.param("[::1]:x", "port 'x' is not a number from 1 to 65535", id="ipv6-port-name"),
        pytest.param("10.0.0.256:80", "'10.0.0.256' is not an IPv4 address", id="ipv4-too-high"),
        pytest.param("10.0.5:80", "'10.0.5' is not an IPv4 address", id="ipv4-too-short"),
        pytest.param("10.0.0.05:80", "'10.0.0.05' is not an IPv4 address", id="ipv4-leading-zero"),
        pytest.param("a..b:80", "'a..b' is neither an IP address nor a host name", id="empty-label"),
        pytest.param("-a.b:80", "'-a.b' is neither an IP address nor a host name", id="leading-hyphen"),
        pytest.param("a-.b:80", "'a-.b' is neither an IP address nor a host name", id="trailing-hyphen"),
        pytest.param("Chat Room:80", "'Chat Room' is neither an IP address nor a host name", id="space-in-name"),
        pytest.param("chät:80", "'chät' is neither an IP address nor a host name", id="name-not-ascii"),
        pytest.param("[::1:80", NEEDS_BRACKETS, id="bracket-not-closed"),
    ],
)
def test_what_is_no_address_is_refused_with_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_host_and_port(text)


@pytest.mark.parametrize("zone", ["a]b", "a:b", "et h", "e\n", 'e"'])
def test_a_zone_is_refused_that_no_interface_can_have(zone: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a network interface"):
        parse_host_and_port(f"[fe80::1%{zone}]:80")


@pytest.mark.parametrize("text", ["[::1]", "[2001:db8::5]", "http://10.0.0.5:8001"])
def test_brackets_are_not_asked_for_where_another_thing_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected host:port"):
        parse_host_and_port(text)


def test_names_have_the_lengths_of_dns() -> None:
    label = "a" * 63
    longest = ".".join([label] * 3 + ["b" * 61])
    assert parse_host(longest) == longest
    assert len(longest) == 253
    for text in ("a" * 64, longest + "b"):
        with pytest.raises(ValueError, match="neither an IP address nor a host name"):
            parse_host(text)


@given(HOSTS, PORTS)
def test_a_printed_address_reads_back_as_itself(host: str, port: int) -> None:
    address = parse_host_and_port(f"{host}:{port}")
    assert parse_host_and_port(str(address)) == address
    assert address.port == port
    assert address.host == address.host.lower()
    assert address.is_resolved == (is_ip(host.strip("[]")))


@given(st.text("0123456789abcdefgG:.[]%-_ /\n", max_size=30) | st.text())
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        address = parse_host_and_port(text)
    except ValueError:
        return
    assert parse_host_and_port(str(address)) == address


@given(st.integers(-10, 100_000))
def test_ports_are_those_of_tcp(port: int) -> None:
    if 1 <= port <= 65535:
        assert parse_port(str(port)) == port
    else:
        with pytest.raises(ValueError, match="is not a number from 1 to 65535"):
            parse_port(str(port))


@pytest.mark.parametrize(
    ("host", "literal"), [("10.0.0.5", True), ("::1", True), ("localhost", False), ("10.0.0.5.example", False), ("", False)]
)
def test_only_ip_addresses_are_literal(host: str, literal: bool) -> None:  # noqa: FBT001
    assert Address(host, 80).is_resolved is literal


@pytest.mark.parametrize(
    ("found", "order"),
    [
        ([], []),
        (["10.0.0.2", "10.0.0.1"], ["10.0.0.2", "10.0.0.1"]),
        (["::1", "127.0.0.1"], ["::1", "127.0.0.1"]),
        (["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"], ["10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2"]),
        (["fd00::1", "fd00::2", "fd00::3", "10.0.0.1"], ["fd00::1", "10.0.0.1", "fd00::2", "fd00::3"]),
        (["10.0.0.1", "10.0.0.1", "fd00::1"], ["10.0.0.1", "fd00::1"]),
    ],
)
def test_the_families_take_turns_and_the_systems_order_says_which_is_first(found: list[str], order: list[str]) -> None:
    assert alternating(found) == order


def test_as_many_addresses_as_a_dns_answer_can_have_take_turns_within_a_moment() -> None:
    found = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(60_000)]
    began = process_time()
    assert alternating(found) == found
    assert process_time() - began < 2
