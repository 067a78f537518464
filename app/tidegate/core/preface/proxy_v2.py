"""Version 2 of the PROXY header: binary, with TLVs (proxy-protocol.txt, section 2.2)."""

from typing import Final

from tidegate.core.preface.crc32c import crc32c
from tidegate.core.preface.outcome import Incomplete, Malformed, MalformedError
from tidegate.core.preface.packed_address import as_ipv6, packed, text_of
from tidegate.core.preface.proxy_facts import NO_TLVS, Endpoints, ProxyHeader, ProxyTlvs
from tidegate.core.preface.proxy_tlvs import checksum_tlv, has_bad_checksum, read_tlvs, split, write_tlvs

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
HEAD: Final = 16  # the signature, version and command, family and protocol, and the length of what follows
LOCAL: Final = 0x20
PROXY: Final = 0x21
TCP_OVER_IPV4: Final = 0x11
TCP_OVER_IPV6: Final = 0x21

ADDRESS_SIZES: Final = {0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216}
"""Bytes of the addresses: IPv4, IPv6 and Unix sockets, each as a stream (1) and as datagrams (2)."""

MOST_TLV_BYTES: Final = 4096
LONGEST_V2: Final = HEAD + 216 + MOST_TLV_BYTES


def read_v2(data: bytes) -> ProxyHeader | Incomplete | Malformed:
    """Read a header that begins with the signature.

    LOCAL, Unix sockets, datagrams and what is unspecified are valid and leave the addresses of the connection as they are: a
    receiver treats what it does not support like UNSPEC. The block of LOCAL and of UNSPEC may hold anything. It is read as
    TLVs if it is well-formed and skipped otherwise, but a wrong checksum is refused in any header.
    """
    if len(data) > 12 and data[12] not in (LOCAL, PROXY):
        return Malformed("a PROXY header of another version than 1 and 2, or with an unknown command")
    if len(data) > 13 and data[12] == PROXY and (data[13] >> 4 > 3 or data[13] & 15 > 2):
        return Malformed("a PROXY header with an unknown family or protocol")
    if len(data) > 14:
        size = ADDRESS_SIZES.get(data[13], 0)
        length = data[14] << 8 | (data[15] if len(data) > 15 else 0)  # at least, while the second byte is not there
        if length > size + MOST_TLV_BYTES:
            return Malformed("a PROXY header with more than 4096 bytes of TLVs")
    if len(data) < HEAD:
        return Incomplete(len(data) + 1)
    if length < size and data[12] == PROXY:
        return Malformed("a PROXY header is too short for its addresses")
    return _whole(data[: HEAD + length], size) if len(data) >= HEAD + length else Incomplete(HEAD + length)


def write_v2(endpoints: Endpoints | None, tlvs: ProxyTlvs = NO_TLVS, *, checksum: bool = True) -> bytes:
    """The header for these endpoints: LOCAL without any, or if one is not an IP address, as HAProxy writes it.

    With an IPv4 and an IPv6 address it is IPv6 with the IPv4-mapped address. The checksum comes first among the TLVs.
    """
    command, family, addresses = LOCAL, 0, b""
    if endpoints:
        (source_host, source_port), (destination_host, destination_port) = endpoints
        source, destination = packed(source_host), packed(destination_host)
        if source and destination:
            command, family = PROXY, TCP_OVER_IPV4
            if len(source) != 4 or len(destination) != 4:
                family, source, destination = TCP_OVER_IPV6, as_ipv6(source), as_ipv6(destination)
            addresses = source + destination + source_port.to_bytes(2, "big") + destination_port.to_bytes(2, "big")
    facts = write_tlvs(tlvs)
    placeholder = checksum_tlv(0) if checksum else b""
    length = len(addresses) + len(placeholder) + len(facts)
    begin = SIGNATURE + bytes([command, family]) + length.to_bytes(2, "big") + addresses
    if not checksum:
        return begin + facts
    return begin + checksum_tlv(crc32c(begin + placeholder + facts)) + facts


def _whole(header: bytes, size: int) -> ProxyHeader | Malformed:
    """Read a header that is all there, with so many bytes of addresses."""
    has_addresses = header[12] == PROXY and size > 0
    try:
        entries = split(header, min(HEAD + size, len(header)))
        if has_bad_checksum(header, entries):
            return Malformed("a PROXY header with a wrong checksum")
        tlvs = read_tlvs(header, entries)
    except MalformedError as error:
        if has_addresses:
            return Malformed(str(error))
        tlvs = NO_TLVS
    if has_addresses and header[13] in (TCP_OVER_IPV4, TCP_OVER_IPV6):
        return ProxyHeader(len(header), _endpoints(header[HEAD : HEAD + size]), tlvs)
    return ProxyHeader(len(header), None, tlvs)


def _endpoints(block: bytes) -> Endpoints:
    ports = len(block) - 4
    middle = ports // 2
    source, destination = text_of(block[:middle]), text_of(block[middle:ports])
    source_port, destination_port = block[ports] << 8 | block[ports + 1], block[ports + 2] << 8 | block[ports + 3]
    return (source, source_port), (destination, destination_port)
