"""A set of IP addresses, given as addresses and networks, perhaps with all clients at Unix sockets. A look-up is a
binary search.
"""

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.core.preface.packed_address import MAPPED, packed
from tidegate.core.unix_socket import UNIX

MAPPED_BITS = 96
EXPECTED = (
    "expected an IP address or a network, like 10.0.0.5, 10.0.0.0/8 or 2001:db8::/32, or unix: for clients at Unix sockets"
)

Range = tuple[int, int]
"""The first and the last number of neighbouring addresses."""


@dataclass(frozen=True, slots=True)
class AddressRanges:
    """Addresses of both families: the first and the last of each range, in order and without overlaps.

    An IPv4-mapped address is its IPv4 address, which no IPv6 network contains. The zone of an address does not matter.
    `unix` says whether clients at Unix sockets, which have no address, are in it.
    """

    ipv4: tuple[tuple[int, ...], tuple[int, ...]]
    ipv6: tuple[tuple[int, ...], tuple[int, ...]]
    unix: bool

    def __contains__(self, address: str) -> bool:
        number = packed(address)
        return self.has(number) if number else self.unix and address == UNIX

    def has(self, number: bytes) -> bool:
        """Whether an address is in a range, given as `packed` returns it."""
        firsts, lasts = self.ipv4 if len(number) == 4 else self.ipv6
        value = int.from_bytes(number, "big")
        index = bisect_right(firsts, value) - 1
        return number != b"" and index >= 0 and value <= lasts[index]


def parse_ranges(texts: Iterable[str]) -> AddressRanges:
    """Read addresses and networks. Raises ValueError that names the first that is wrong, and says what would be right."""
    ipv4, ipv6 = list[Range](), list[Range]()
    unix = False
    for text in texts:
        if text.strip() == UNIX:
            unix = True
            continue
        bits, first, last = _parse(text)
        (ipv4 if bits == 32 else ipv6).append((first, last))
    return AddressRanges(_merged(ipv4), _merged(ipv6), unix)


def _parse(text: str) -> tuple[int, int, int]:
    """The bits of the family, and the first and the last address of a network."""
    address, slash, prefix = text.strip().partition("/")
    number = _number(text, address)
    bits = 8 * len(number)
    length = _prefix(text, prefix, bits) if slash else bits
    first, size = int.from_bytes(number, "big"), 1 << bits - length
    if first % size:
        meant = ipaddress.ip_network((number, length), strict=False)
        raise ValueError(f"{text!r} has bits set after its prefix, {meant} is probably meant")
    if number.startswith(MAPPED) and length >= MAPPED_BITS:
        bits, first = 32, first & 0xFFFFFFFF
    return bits, first, first + size - 1


def _number(text: str, address: str) -> bytes:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"{text!r}: {EXPECTED}") from None
    if "%" in address:
        raise ValueError(f"{text!r}: the zone of an address can not be part of a network")
    return parsed.packed


def _prefix(text: str, prefix: str, bits: int) -> int:
    if prefix.isascii() and prefix.isdecimal() and len(prefix) <= 3 and int(prefix) <= bits:
        return int(prefix)
    raise ValueError(f"{text!r}: a prefix of IPv{4 if bits == 32 else 6} is a number from 0 to {bits}")


def _merged(ranges: list[Range]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first and last numbers of the same addresses in ranges that neither overlap nor touch."""
    firsts, lasts = list[int](), list[int]()
    for first, last in sorted(ranges):
        if lasts and first <= lasts[-1] + 1:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return tuple(firsts), tuple(lasts)
