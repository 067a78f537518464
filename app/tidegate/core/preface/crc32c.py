"""CRC-32C, the checksum of PROXY headers (RFC 4960, appendix B)."""

from typing import Final

POLYNOMIAL: Final = 0x82F63B78  # that of Castagnoli, least significant bit first
ALL_ONES: Final = 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The checksum of these bytes."""
    table, rest = TABLE, ALL_ONES
    for byte in data:
        rest = table[(rest ^ byte) & 0xFF] ^ (rest >> 8)
    return rest ^ ALL_ONES


def _remainder(byte: int) -> int:
    """What one byte leaves when the polynomial divides it."""
    for _ in range(8):
        byte = byte >> 1 ^ POLYNOMIAL if byte & 1 else byte >> 1
    return byte


TABLE: Final = [_remainder(byte) for byte in range(256)]
