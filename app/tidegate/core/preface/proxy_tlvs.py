"""The TLVs of a PROXY header of version 2: a type, a length of two bytes, a value (proxy-protocol.txt, section 2.2)."""

from typing import Final, NamedTuple

from tidegate.core.preface.crc32c import crc32c
from tidegate.core.preface.outcome import MalformedError
from tidegate.core.preface.proxy_facts import NO_TLVS, ProxySsl, ProxyTlvs
from tidegate.core.preface.server_name import server_name

ALPN: Final = 0x01
AUTHORITY: Final = 0x02
CRC32C: Final = 0x03
UNIQUE_ID: Final = 0x05
SSL: Final = 0x20
SSL_VERSION: Final = 0x21
SSL_COMMON_NAME: Final = 0x22

SINGLE: Final = frozenset({ALPN, AUTHORITY, CRC32C, UNIQUE_ID, SSL})
LONGEST_TEXT: Final = 255
LONGEST_UNIQUE_ID: Final = 128  # of the specification
NO_CHECKSUM: Final = bytes(4)


class Tlv(NamedTuple):
    """A TLV of this type, whose value is between two positions."""

    kind: int
    start: int
    end: int


def split(data: bytes, start: int) -> list[Tlv]:
    """The TLVs from this position to the end. Raises MalformedError if one does not fit."""
    found = []
    while start < len(data):
        value = start + 3
        end = value + int.from_bytes(data[start + 1 : value], "big")
        if end > len(data) or value > len(data):
            raise MalformedError("a TLV of a PROXY header is longer than the header")
        found.append(Tlv(data[start], value, end))
        start = end
    return found


def has_bad_checksum(header: bytes, tlvs: list[Tlv]) -> bool:
    """Whether a CRC32C is not that of the header, in which its own four bytes count as zeros (section 2.2.3)."""
    for kind, start, end in tlvs:
        if kind == CRC32C:
            expected = int.from_bytes(header[start:end], "big")
            if end - start != 4 or crc32c(header[:start] + NO_CHECKSUM + header[end:]) != expected:
                return True
    return False


def read_tlvs(data: bytes, tlvs: list[Tlv]) -> ProxyTlvs:
    """The facts in TLVs. Others are ignored, and so is text that is not printable or no name.

    Raises MalformedError when a known TLV comes twice, as receivers could differ in which one they believe; when a unique id
    is longer than the specification allows; and when the TLV about TLS is too short.
    """
    if not tlvs:
        return NO_TLVS
    known = [tlv for tlv in tlvs if tlv.kind in SINGLE]
    values = {tlv.kind: data[tlv.start : tlv.end] for tlv in known}
    if len(values) < len(known):
        raise MalformedError("a TLV of a PROXY header comes twice")
    unique_id = values.get(UNIQUE_ID, b"")
    if len(unique_id) > LONGEST_UNIQUE_ID:
        raise MalformedError("a unique id in a PROXY header of more than 128 bytes")
    ssl = _read_ssl(values[SSL]) if SSL in values else None
    return ProxyTlvs(_text(values.get(ALPN, b"")), server_name(values.get(AUTHORITY, b"")), ssl, unique_id)


def write_tlvs(tlvs: ProxyTlvs) -> bytes:
    """These facts as TLVs. What is empty, not printable or too long to be read back is left out."""
    unique_id = tlvs.unique_id if len(tlvs.unique_id) <= LONGEST_UNIQUE_ID else b""
    texts = _written(ALPN, _bytes(tlvs.alpn)) + _written(AUTHORITY, _bytes(tlvs.authority)) + _written(UNIQUE_ID, unique_id)
    return texts if tlvs.ssl is None else texts + _written(SSL, _ssl_bytes(tlvs.ssl))


def checksum_tlv(checksum: int) -> bytes:
    """The TLV with this checksum, or 0 in its place."""
    return _written(CRC32C, checksum.to_bytes(4, "big"))


def _read_ssl(value: bytes) -> ProxySsl:
    if len(value) < 5:
        raise MalformedError("a TLV about TLS in a PROXY header is too short")
    inner = {tlv.kind: value[tlv.start : tlv.end] for tlv in reversed(split(value, 5))}  # the first of each type counts
    version, common_name = _text(inner.get(SSL_VERSION, b"")), _text(inner.get(SSL_COMMON_NAME, b""))
    return ProxySsl(value[0], int.from_bytes(value[1:5], "big"), version, common_name)


def _ssl_bytes(ssl: ProxySsl) -> bytes:
    inner = _written(SSL_VERSION, _bytes(ssl.version)) + _written(SSL_COMMON_NAME, _bytes(ssl.common_name))
    return bytes([ssl.client]) + ssl.verify.to_bytes(4, "big") + inner


def _written(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value if value else b""


def _text(value: bytes) -> str:
    """Printable text of a bounded length, or none."""
    if len(value) > LONGEST_TEXT:
        return ""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


def _bytes(text: str) -> bytes:
    written = text.encode() if text.isprintable() else b""
    return written if len(written) <= LONGEST_TEXT else b""
