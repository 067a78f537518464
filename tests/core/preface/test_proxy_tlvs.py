"""The TLVs of PROXY headers of version 2."""

import pytest

from tests.support.first_bytes import check_growing
from tidegate.core.preface.crc32c import crc32c
from tidegate.core.preface.outcome import Malformed
from tidegate.core.preface.proxy_facts import NO_TLVS, ProxyHeader, ProxySsl, ProxyTlvs
from tidegate.core.preface.proxy_tlvs import write_tlvs
from tidegate.core.preface.proxy_v2 import SIGNATURE, read_v2


def tlv(kind: int, value: bytes = b"") -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


def ssl(*inner: bytes, client: int = 7, verify: bytes = bytes(4)) -> bytes:
    return tlv(0x20, bytes([client]) + verify + b"".join(inner))


def stream(*tlvs: bytes, command: int = 0x21) -> bytes:
    """A header of IPv4 with these TLVs."""
    block = bytes(12) + b"".join(tlvs)
    return SIGNATURE + bytes([command, 0x11]) + len(block).to_bytes(2, "big") + block


VERSION, NAME = tlv(0x21, b"TLSv1.3"), tlv(0x22, "Zoë".encode())


@pytest.mark.parametrize(
    ("tlvs", "expected"),
    [
        pytest.param([], NO_TLVS, id="none"),
        pytest.param([tlv(1, b"h2")], ProxyTlvs(alpn="h2"), id="alpn"),
        pytest.param([tlv(2, b"Chat.example.com")], ProxyTlvs(authority="chat.example.com"), id="authority"),
        pytest.param([tlv(5, b"\0\xff")], ProxyTlvs(unique_id=b"\0\xff"), id="unique-id"),
        pytest.param([tlv(5, bytes(128))], ProxyTlvs(unique_id=bytes(128)), id="unique-id-longest"),
        pytest.param([ssl()], ProxyTlvs(ssl=ProxySsl(7, 0)), id="tls-alone"),
        pytest.param([ssl(client=1, verify=b"\0\0\0\x0a")], ProxyTlvs(ssl=ProxySsl(1, 10)), id="tls-not-verified"),
        pytest.param([ssl(VERSION, NAME)], ProxyTlvs(ssl=ProxySsl(7, 0, "TLSv1.3", "Zoë")), id="tls-version-and-name"),
        pytest.param([ssl(tlv(0x23, b"AES"), VERSION, tlv(0x30))], ProxyTlvs(ssl=ProxySsl(7, 0, "TLSv1.3")), id="others"),
        pytest.param([ssl(NAME, tlv(0x22, b"b"))], ProxyTlvs(ssl=ProxySsl(7, 0, "", "Zoë")), id="first-of-two-names"),
        pytest.param([tlv(4), tlv(4, b"x"), tlv(0x30, b"ns"), tlv(0xEA, b"\1")], NO_TLVS, id="padding-and-unknown"),
        pytest.param([tlv(0xEA, b"a"), tlv(0xEA, b"b")], NO_TLVS, id="unknown-twice"),
        pytest.param([tlv(1, b"\x0a\x0a")], NO_TLVS, id="alpn-not-printable"),
        pytest.param([tlv(1, b"x" * 256)], NO_TLVS, id="alpn-too-long"),
        pytest.param([tlv(1, b"x" * 255)], ProxyTlvs(alpn="x" * 255), id="alpn-longest"),
        pytest.param([tlv(2, b"a\nb")], NO_TLVS, id="authority-no-name"),
        pytest.param([tlv(2, b"10.0.0.1")], NO_TLVS, id="authority-an-address"),
        pytest.param([ssl(tlv(0x22, b"a\x1b[31m"))], ProxyTlvs(ssl=ProxySsl(7, 0)), id="name-not-printable"),
        pytest.param([ssl(tlv(0x22, "\ufffd".encode()))], ProxyTlvs(ssl=ProxySsl(7, 0, "", "\ufffd")), id="replaced"),
        pytest.param([ssl(tlv(0x22, b"\xff"))], ProxyTlvs(ssl=ProxySsl(7, 0)), id="name-not-utf8"),
    ],
)  # fmt: skip
def test_tlvs_say_what_is_known_of_the_client(tlvs: list[bytes], expected: ProxyTlvs) -> None:
    header = check_growing(read_v2, stream(*tlvs))
    assert header.tlvs == expected
    assert header.endpoints is not None
    assert read_v2(stream(*tlvs, command=0x20)) == ProxyHeader(len(stream(*tlvs)), None, expected)


@pytest.mark.parametrize(
    ("tlvs", "reason"),
    [
        pytest.param([b"\1"], "a TLV of a PROXY header is longer than the header", id="a-type-alone"),
        pytest.param([b"\1\0"], "a TLV of a PROXY header is longer than the header", id="half-a-length"),
        pytest.param([b"\1\0\3h2"], "a TLV of a PROXY header is longer than the header", id="a-byte-too-few"),
        pytest.param([tlv(4), b"\xea\xff\xff"], "a TLV of a PROXY header is longer than the header", id="no-value"),
        pytest.param([tlv(1, b"h2"), tlv(1, b"h2")], "a TLV of a PROXY header comes twice", id="alpn-twice"),
        pytest.param([tlv(2, b"a"), tlv(2, b"b")], "a TLV of a PROXY header comes twice", id="authority-twice"),
        pytest.param([tlv(5, b"a"), tlv(5, b"b")], "a TLV of a PROXY header comes twice", id="unique-id-twice"),
        pytest.param([ssl(), ssl()], "a TLV of a PROXY header comes twice", id="tls-twice"),
        pytest.param([tlv(5, bytes(129))], "a unique id in a PROXY header of more than 128 bytes", id="unique-id-too-long"),
        pytest.param([tlv(0x20, bytes(4))], "a TLV about TLS in a PROXY header is too short", id="tls-too-short"),
        pytest.param([ssl(b"\x21\0\7TLSv1.")], "a TLV of a PROXY header is longer than the header", id="version-too-long"),
    ],
)  # fmt: skip
def test_tlvs_against_the_rules_are_refused_and_do_not_matter_for_local(tlvs: list[bytes], reason: str) -> None:
    assert check_growing(read_v2, stream(*tlvs)) == Malformed(reason)
    assert read_v2(stream(*tlvs, command=0x20)) == ProxyHeader(len(stream(*tlvs)), None, NO_TLVS)


@pytest.mark.parametrize("command", [0x20, 0x21])
@pytest.mark.parametrize("before", [b"", tlv(1, b"h2")])
def test_a_checksum_is_that_of_the_header_with_zeros_in_its_place(command: int, before: bytes) -> None:
    zeros = stream(before, tlv(3, bytes(4)), tlv(2, b"a"), command=command)
    place = zeros.index(b"\3\0\4") + 3
    checked = zeros[:place] + crc32c(zeros).to_bytes(4, "big") + zeros[place + 4 :]
    assert isinstance(read_v2(checked), ProxyHeader)
    assert isinstance(read_v2(checked + b"data"), ProxyHeader)
    assert read_v2(zeros) == Malformed("a PROXY header with a wrong checksum")
    for length in (0, 3, 5):
        assert read_v2(stream(tlv(3, bytes(length)), command=command)) == Malformed("a PROXY header with a wrong checksum")


def test_a_second_checksum_is_refused() -> None:
    zeros = stream(tlv(3, bytes(4)), tlv(3, bytes(4)))
    assert isinstance(read_v2(zeros[:31] + crc32c(zeros).to_bytes(4, "big") + zeros[35:]), Malformed)


@pytest.mark.parametrize(
    ("tlvs", "expected"),
    [
        (NO_TLVS, b""),
        (ProxyTlvs("h2", "a", ProxySsl(1, 2, "TLSv1.3", "Zoë"), b"id"),
         tlv(1, b"h2") + tlv(2, b"a") + tlv(5, b"id") + ssl(VERSION, NAME, client=1, verify=b"\0\0\0\2")),
        (ProxyTlvs(alpn="a\n", unique_id=bytes(129)), b""),
        (ProxyTlvs(alpn="x" * 256), b""),
        (ProxyTlvs(alpn="x" * 255, unique_id=bytes(128)), tlv(1, b"x" * 255) + tlv(5, bytes(128))),
        (ProxyTlvs(ssl=ProxySsl(3, 0, "", "ä" * 128)), ssl(client=3)),
        (ProxyTlvs(ssl=ProxySsl(3, 0, "", "\ud800")), ssl(client=3)),
    ],
)  # fmt: skip
def test_only_what_reads_back_is_written(tlvs: ProxyTlvs, expected: bytes) -> None:
    assert write_tlvs(tlvs) == expected
