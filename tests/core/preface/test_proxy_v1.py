"""PROXY headers of version 1."""

from ipaddress import ip_address
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.first_bytes import check_growing
from tidegate.core.address import Address
from tidegate.core.preface.outcome import Incomplete, Malformed
from tidegate.core.preface.proxy_facts import Endpoints, ProxyHeader
from tidegate.core.preface.proxy_v1 import LONGEST_LINE, read_v1, write_v1

FULL = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
PORTS = st.integers(0, 65535)
ADDRESSES = st.builds(Address, st.ip_addresses().map(str), PORTS)
ENDPOINTS = st.tuples(ADDRESSES, ADDRESSES)
TEXT_OF_IPV6 = st.ip_addresses(v=6).flatmap(lambda ip: st.sampled_from([ip.compressed, ip.exploded, ip.compressed.upper()]))
LINES = st.one_of(
    st.builds("PROXY TCP4 {} {} {} {}\r\n".format, st.ip_addresses(v=4), st.ip_addresses(v=4), PORTS, PORTS),
    st.builds("PROXY TCP6 {} {} {} {}\r\n".format, TEXT_OF_IPV6, TEXT_OF_IPV6, PORTS, PORTS),
    st.builds("PROXY TCP6 ::ffff:{} {} {} {}\r\n".format, st.ip_addresses(v=4), TEXT_OF_IPV6, PORTS, PORTS),
    st.text("abc :.\r", max_size=20).map(lambda text: f"PROXY UNKNOWN {text}\r\n"),
)
"""Lines, some of which are not valid."""


def endpoints(source: str, destination: str, source_port: int = 1, destination_port: int = 2) -> Endpoints:
    return Address(source, source_port), Address(destination, destination_port)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("TCP4 10.0.0.1 192.0.2.7 56324 443", endpoints("10.0.0.1", "192.0.2.7", 56324, 443), id="tcp4"),
        pytest.param("TCP4 255.255.255.255 0.0.0.0 65535 0", endpoints("255.255.255.255", "0.0.0.0", 65535, 0), id="most"),
        pytest.param("TCP6 2001:DB8:0:0::1 ::1 1 2", endpoints("2001:db8::1", "::1"), id="tcp6"),
        pytest.param(f"TCP6 {FULL} {FULL} 65535 65535", endpoints(FULL, FULL, 65535, 65535), id="tcp6-longest"),
        pytest.param("TCP6 ::ffff:10.0.0.1 ::ffff:a00:2 1 2", endpoints("10.0.0.1", "10.0.0.2"), id="ipv4-mapped"),
        pytest.param("UNKNOWN", None, id="unknown"),
        pytest.param("UNKNOWN ", None, id="unknown-space"),
        pytest.param(f"UNKNOWN {FULL} {FULL} 65535 65535", None, id="unknown-longest"),
        pytest.param("UNKNOWN any\0thing \xff", None, id="unknown-anything"),
    ],
)  # fmt: skip
def test_a_line_says_the_addresses_of_the_client_or_that_they_are_unknown(line: str, expected: Endpoints | None) -> None:
    stream = f"PROXY {line}\r\n".encode("latin-1")
    assert check_growing(read_v1, stream + b"\r\nGET") == ProxyHeader(len(stream), expected)
    assert isinstance(read_v1(stream[:-1]), Incomplete)


NO_PROTOCOL = "a PROXY line of another protocol than TCP4, TCP6 or UNKNOWN"
FIELDS = "a PROXY line needs two addresses and two ports"
SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT = (
    f"a PROXY line without a valid {field}"
    for field in ("source address", "destination address", "source port", "destination port")
)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("PROXYTCP4 1.1.1.1 2.2.2.2 1 2", NO_PROTOCOL),
        ("PROXY  TCP4 1.1.1.1 2.2.2.2 1 2", NO_PROTOCOL),
        ("PROXY TCP5 1.1.1.1 2.2.2.2 1 2", NO_PROTOCOL),
        ("PROXY UDP4 1.1.1.1 2.2.2.2 1 2", NO_PROTOCOL),
        ("PROXY tcp4 1.1.1.1 2.2.2.2 1 2", NO_PROTOCOL),
        ("PROXY UNKNOW", NO_PROTOCOL),
        ("PROXY ", NO_PROTOCOL),
        ("PROXY TCP4", NO_PROTOCOL),
        ("PROXY UNKNOWNX", "a PROXY line without a space or CRLF after UNKNOWN"),
        ("PROXY UNKNOWN a\nb", "a PROXY line without a space or CRLF after UNKNOWN"),
        ("PROXY UNKNOWN a\rb", "a PROXY line without a space or CRLF after UNKNOWN"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1", FIELDS),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 ", FIELDS),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3", FIELDS),
        ("PROXY TCP4 ::1 ::2 1 2", SOURCE),
        ("PROXY TCP6 1.1.1.1 2.2.2.2 1 2", SOURCE),
        ("PROXY TCP4 1.1.1.256 2.2.2.2 1 2", SOURCE),
        ("PROXY TCP4 1.1.1.01 2.2.2.2 1 2", SOURCE),
        ("PROXY TCP4 1.1.1 2.2.2.2 1 2", SOURCE),
        ("PROXY TCP4  2.2.2.2 1 2", SOURCE),
        ("PROXY TCP6 fe80::1%eth0 ::2 1 2", SOURCE),
        ("PROXY TCP6 ::00000001 ::2 1 2", SOURCE),
        ("PROXY TCP6 0000:0000:0000:0000:0000:ffff:255.255.255.255 ::2 1 2", SOURCE),
        ("PROXY TCP4 1.1.1.1 2.2.2 1 2", DESTINATION),
        ("PROXY TCP6 ::1 ::g 1 2", DESTINATION),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 65536 2", SOURCE_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 01 2", SOURCE_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 00 2", SOURCE_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 -1 2", SOURCE_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2  2", SOURCE_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 \xb2 2", SOURCE_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 65536", DESTINATION_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 ", DESTINATION_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", DESTINATION_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r", DESTINATION_PORT),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\t", DESTINATION_PORT),
    ],
)  # fmt: skip
def test_a_line_that_is_not_exactly_as_specified_is_refused_with_what_is_wrong(line: str, reason: str) -> None:
    stream = f"{line}\r\n".encode("latin-1")
    assert read_v1(stream) == Malformed(reason)
    assert isinstance(check_growing(read_v1, stream), Malformed)


@pytest.mark.parametrize(
    "beginning",
    [
        "PROXY X",
        "PROXY TCP5",
        "PROXY UNKNOWNX",
        "PROXY UNKNOWN \n",
        "PROXY UNKNOWN " + "x" * 92,
        "PROXY TCP4 256",
        "PROXY TCP4 1..",
        "PROXY TCP4 1.1.1.1.",
        "PROXY TCP4 a",
        "PROXY TCP6 g",
        "PROXY TCP6 12345",
        "PROXY TCP6 1::2::",
        "PROXY TCP6 1:2:3:4:5:6:7:8:",
        "PROXY TCP6 ::300.",
        "PROXY TCP4 1.1.1.1 2.2.2.2 65536",
        "PROXY TCP4 1.1.1.1 2.2.2.2 00",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 ",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1\r",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
    ],
)
def test_a_beginning_that_no_header_has_is_refused_at_the_byte_that_says_so(beginning: str) -> None:
    assert isinstance(read_v1(beginning.encode()), Malformed)
    assert isinstance(read_v1(beginning[:-1].encode()), Incomplete)


def test_a_line_has_at_most_107_bytes_with_its_end() -> None:
    longest = b"PROXY UNKNOWN " + b"x" * 91
    assert read_v1(longest + b"\r\n") == ProxyHeader(LONGEST_LINE, None)
    assert read_v1(longest + b"\r") == Incomplete(LONGEST_LINE)
    for end in (b"x", b"x\r\n", b"\rx", b"\r\r\n"):
        assert isinstance(read_v1(longest + end), Malformed)


STARTS = ("PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN")
ENDINGS = [
    "".join(parts)
    for parts in product(
        ["", *"0:.", "::", ".0", ".0.0", "0.0", ".0.0.0", "0.0.0", "0.0.0.0"],
        ["", " ::", " 0.0.0.0"],
        ["", "0", " 0", " 0 0", "0 0"],
        ["\r\n", "\n"],
    )
]


@given(LINES, st.data())
def test_a_beginning_is_incomplete_only_while_it_can_become_a_header(line: str, data: st.DataObject) -> None:
    beginning = line[: data.draw(st.integers(len("PROXY"), len(line) - 1))]
    position = data.draw(st.integers(len("PROXY"), len(beginning)))
    beginning = beginning[:position] + data.draw(st.sampled_from(["", *"0159af:. \r\nTx"])) + beginning[position + 1 :]
    if isinstance(read_v1(beginning.encode()), Incomplete):
        completed = next((start for start in STARTS if start.startswith(beginning)), beginning)
        assert any(isinstance(read_v1((completed + ending).encode()), ProxyHeader) for ending in ENDINGS), beginning


@given(LINES)
def test_a_line_is_incomplete_until_it_is_complete_and_then_stays_as_it_is(line: str) -> None:
    outcome = check_growing(read_v1, line.encode() + b"GET / HTTP/1.1\r\n\r\n")
    if isinstance(outcome, ProxyHeader):
        assert read_v1(line.encode()[: outcome.length]) == outcome


@given(ENDPOINTS)
def test_a_line_that_is_written_reads_back_as_itself(ends: Endpoints) -> None:
    line = write_v1(ends)
    header = check_growing(read_v1, line + b"\r\n")
    assert header.length == len(line) <= LONGEST_LINE
    assert header.endpoints == tuple((unmapped(host), port) for host, port in ends)


def unmapped(host: str) -> str:
    """The client of IPv4 that an IPv4-mapped address is."""
    address = ip_address(host)
    return str(getattr(address, "ipv4_mapped", None) or address)


@pytest.mark.parametrize(
    ("ends", "line"),
    [
        (endpoints("10.0.0.1", "10.0.0.2"), b"TCP4 10.0.0.1 10.0.0.2 1 2"),
        (endpoints("2001:db8::1", "::1"), b"TCP6 2001:db8::1 ::1 1 2"),
        (endpoints("10.0.0.1", "::1"), b"TCP6 ::ffff:10.0.0.1 ::1 1 2"),
        (endpoints("::1", "10.0.0.1"), b"TCP6 ::1 ::ffff:10.0.0.1 1 2"),
        (endpoints("::ffff:10.0.0.1", "10.0.0.2"), b"TCP4 10.0.0.1 10.0.0.2 1 2"),
        (endpoints("fe80::1%eth0", "::1"), b"TCP6 fe80::1 ::1 1 2"),
        (endpoints("/run/a.sock", "10.0.0.1"), b"UNKNOWN"),
        (endpoints("10.0.0.1", ""), b"UNKNOWN"),
        (None, b"UNKNOWN"),
    ],
)
def test_both_addresses_are_written_in_one_family_or_not_at_all(ends: Endpoints | None, line: bytes) -> None:
    assert write_v1(ends) == b"PROXY " + line + b"\r\n"
