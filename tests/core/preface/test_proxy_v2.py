"""PROXY headers of version 2."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.first_bytes import check_growing
from tidegate.core.address import Address
from tidegate.core.preface.outcome import Incomplete, Malformed
from tidegate.core.preface.proxy_facts import NO_TLVS, Endpoints, ProxyHeader, ProxySsl, ProxyTlvs
from tidegate.core.preface.proxy_header import read_proxy_header
from tidegate.core.preface.proxy_v2 import LONGEST_V2, SIGNATURE, read_v2, write_v2

ADDRESSES = st.builds(Address, st.ip_addresses().map(str), st.integers(0, 65535))
ENDPOINTS = st.tuples(ADDRESSES, ADDRESSES)
TEXTS = st.text(max_size=60).filter(str.isprintable)
TLVS = st.builds(
    ProxyTlvs,
    alpn=st.sampled_from(["", "h2", "http/1.1"]),
    authority=st.sampled_from(["", "chat.example.com", "a"]),
    ssl=st.none() | st.builds(ProxySsl, st.integers(0, 255), st.integers(0, 2**32 - 1), TEXTS, TEXTS),
    unique_id=st.binary(max_size=128),
)
IPV4 = bytes([10, 0, 0, 1, 192, 0, 2, 7]) + (56324).to_bytes(2, "big") + (443).to_bytes(2, "big")
OF_IPV4 = (Address("10.0.0.1", 56324), Address("192.0.2.7", 443))
IPV6 = ip_address("2001:db8::1").packed + ip_address("::ffff:192.0.2.7").packed + b"\0\1\xff\xff"
OF_IPV6 = (Address("2001:db8::1", 1), Address("192.0.2.7", 65535))
UNIX = b"/run/a.sock".ljust(108, b"\0") * 2
NOOP = b"\4\0\3abc"


def header(command: int, family: int, block: bytes) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(block).to_bytes(2, "big") + block


@pytest.mark.parametrize(
    ("command", "family", "block", "expected"),
    [
        pytest.param(0x21, 0x11, IPV4, OF_IPV4, id="tcp-over-ipv4"),
        pytest.param(0x21, 0x21, IPV6, OF_IPV6, id="tcp-over-ipv6"),
        pytest.param(0x21, 0x11, IPV4 + NOOP, OF_IPV4, id="padded"),
        pytest.param(0x21, 0x12, IPV4, None, id="udp-over-ipv4"),
        pytest.param(0x21, 0x22, IPV6, None, id="udp-over-ipv6"),
        pytest.param(0x21, 0x31, UNIX, None, id="unix-stream"),
        pytest.param(0x21, 0x32, UNIX + NOOP, None, id="unix-datagram"),
        pytest.param(0x21, 0x00, b"", None, id="unspecified"),
        pytest.param(0x21, 0x00, b"whatever", None, id="unspecified-with-anything"),
        pytest.param(0x21, 0x10, IPV4, None, id="unspecified-protocol"),
        pytest.param(0x21, 0x01, IPV4, None, id="unspecified-family"),
        pytest.param(0x20, 0x00, b"", None, id="local"),
        pytest.param(0x20, 0x11, IPV4, None, id="local-with-addresses"),
        pytest.param(0x20, 0x11, b"", None, id="local-with-a-family-alone"),
        pytest.param(0x20, 0x11, b"short", None, id="local-with-anything"),
        pytest.param(0x20, 0xFF, b"\1\1\1" * 9, None, id="local-of-an-unknown-family"),
    ],
)
def test_a_header_says_the_addresses_of_the_client_or_that_those_of_the_connection_stay(
    command: int, family: int, block: bytes, expected: Endpoints | None
) -> None:
    stream = header(command, family, block)
    assert check_growing(read_v2, stream + b"\x16\x03\x01") == ProxyHeader(len(stream), expected, NO_TLVS)
    assert read_v2(stream[:16]) in (Incomplete(len(stream)), read_v2(stream))


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (SIGNATURE + b"\x11", "a PROXY header of another version than 1 and 2, or with an unknown command"),
        (SIGNATURE + b"\x31", "a PROXY header of another version than 1 and 2, or with an unknown command"),
        (SIGNATURE + b"\x22", "a PROXY header of another version than 1 and 2, or with an unknown command"),
        (SIGNATURE + b"\x21\x41", "a PROXY header with an unknown family or protocol"),
        (SIGNATURE + b"\x21\x13", "a PROXY header with an unknown family or protocol"),
        (SIGNATURE + b"\x21\x11\x11", "a PROXY header with more than 4096 bytes of TLVs"),
        (SIGNATURE + b"\x20\x00\x11", "a PROXY header with more than 4096 bytes of TLVs"),
        (SIGNATURE + b"\x21\x11\x10\x0d", "a PROXY header with more than 4096 bytes of TLVs"),
        (SIGNATURE + b"\x21\x11\x00\x0b", "a PROXY header is too short for its addresses"),
        (SIGNATURE + b"\x21\x21\x00\x23", "a PROXY header is too short for its addresses"),
        (SIGNATURE + b"\x21\x31\x00\xd7", "a PROXY header is too short for its addresses"),
        (SIGNATURE + b"\x21\x12\x00\x00", "a PROXY header is too short for its addresses"),
    ],
)
def test_a_header_that_can_not_be_right_is_refused_at_the_byte_that_says_so(stream: bytes, reason: str) -> None:
    assert check_growing(read_v2, stream + bytes(20)) == Malformed(reason)
    assert read_v2(stream) == Malformed(reason)
    assert read_v2(stream[:-1]) == Incomplete(len(stream))


@pytest.mark.parametrize(
    ("command", "family", "addresses"), [(0x21, 0x11, IPV4), (0x21, 0x21, IPV6), (0x21, 0x31, UNIX), (0x20, 0, b"")]
)
def test_a_header_has_up_to_4096_bytes_of_tlvs(command: int, family: int, addresses: bytes) -> None:
    most = b"\4" + (4093).to_bytes(2, "big") + bytes(4093)
    stream = header(command, family, addresses + most)
    assert read_v2(stream).length == len(stream) <= LONGEST_V2  # type: ignore[union-attr]
    assert isinstance(read_v2(header(command, family, addresses + most + b"\4\0\0")), Malformed)


@given(st.none() | ENDPOINTS, TLVS, st.booleans())
def test_a_header_that_is_written_reads_back_as_itself(ends: Endpoints | None, tlvs: ProxyTlvs, checksum: bool) -> None:  # noqa: FBT001
    written = write_v2(ends, tlvs, checksum=checksum)
    read = check_growing(read_proxy_header, written + written, [0, 5, 13, 14, 15, 16, 17, len(written) - 1, len(written)])
    assert read == ProxyHeader(len(written), ends and (unmapped(ends[0]), unmapped(ends[1])), tlvs)
    assert read_v2(written[:-1]) == Incomplete(max(16, len(written)))


def unmapped(end: tuple[str, int]) -> tuple[str, int]:
    """With the IPv4 address that an IPv4-mapped one is."""
    address = ip_address(end[0])
    return str(getattr(address, "ipv4_mapped", None) or address), end[1]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        pytest.param(OF_IPV4, header(0x21, 0x11, IPV4), id="ipv4"),
        pytest.param(OF_IPV6, header(0x21, 0x21, IPV6), id="mixed"),
        pytest.param((Address("fe80::1%eth0", 1), Address("::1", 2)),
                     header(0x21, 0x21, ip_address("fe80::1").packed + ip_address("::1").packed + b"\0\1\0\2"), id="zone"),
        pytest.param((Address("/run/a.sock", 0), Address("10.0.0.1", 2)), header(0x20, 0, b""), id="unix-client"),
        pytest.param((Address("10.0.0.1", 2), Address("", 0)), header(0x20, 0, b""), id="unix-listener"),
        pytest.param(None, header(0x20, 0, b""), id="none"),
    ],
)  # fmt: skip
def test_addresses_are_written_in_one_family_or_as_local(ends: Endpoints | None, expected: bytes) -> None:
    assert write_v2(ends, checksum=False) == expected


@given(ENDPOINTS, TLVS, st.data())
def test_a_checksum_shows_any_byte_that_was_changed(ends: Endpoints, tlvs: ProxyTlvs, data: st.DataObject) -> None:
    written = write_v2(ends, tlvs)
    checksum = 16 + (12 if written[13] == 0x11 else 36)
    says_where_it_is = {
        13,
        14,
        15,
        checksum,
    }  # family, length, and the type of its TLV: the checksum is not found without them
    position = data.draw(st.sampled_from(sorted(set(range(len(written))) - says_where_it_is)))
    other = data.draw(st.integers(1, 255)) ^ written[position]
    changed = written[:position] + bytes([other]) + written[position + 1 :]
    assert isinstance(read_proxy_header(changed), Malformed)


def test_a_header_of_another_program_with_a_checksum_is_read() -> None:
    # With the TLVs of a load balancer of AWS: CRC32C, its own (0xea), and NOOP as padding.
    addresses = bytes.fromhex("ac1f071f ac1f0a1f 2cc8 0050")
    endpoint = b"\xea\0\x17\1vpce-08d2bf15fac5001c9"
    stream = header(0x21, 0x11, addresses + bytes.fromhex("03 0004") + bytes(4) + endpoint + b"\4\0\x3e" + bytes(62))
    assert read_v2(stream) == Malformed("a PROXY header with a wrong checksum")
    checked = stream[:31] + reference_crc32c(stream).to_bytes(4, "big") + stream[35:]
    assert read_v2(checked) == ProxyHeader(
        len(stream), (Address("172.31.7.31", 0x2CC8), Address("172.31.10.31", 80)), NO_TLVS
    )


def reference_crc32c(data: bytes) -> int:
    """Bit by bit, as the definition has it."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0x82F63B78 if rest & 1 else 0)
    return rest ^ 0xFFFFFFFF
