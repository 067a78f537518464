"""Which clients a listener lets in, by their addresses."""

from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.core.preface.address_ranges import AddressRanges, parse_ranges
from tidegate.core.preface.packed_address import packed


@dataclass(frozen=True, slots=True)
class AccessList:
    """Refuses what is in `deny`, and with `allow` also what is not in it. An empty `allow` refuses everybody."""

    allow: AddressRanges | None
    deny: AddressRanges

    def allows(self, address: str) -> bool:
        """Whether a client with this IP address, or `unix:` for one at a Unix socket, is let in."""
        number = packed(address)
        if not number:
            return address not in self.deny and (self.allow is None or address in self.allow)
        return not self.deny.has(number) and (self.allow is None or self.allow.has(number))


def parse_access_list(allow: Iterable[str] | None, deny: Iterable[str]) -> AccessList:
    """Read both lists of addresses and networks; None is no list. Raises ValueError that names an entry that is wrong."""
    return AccessList(None if allow is None else parse_ranges(allow), parse_ranges(deny))
