"""The network of a client's address, for settings that count all clients of one network as one client."""

import ipaddress
from typing import NamedTuple

IPV4_BITS, IPV6_BITS = 32, 128


class Networks(NamedTuple):
    """How many leading bits of an IPv4 and an IPv6 address distinguish clients. By default all bits: each address is one."""

    ipv4_prefix: int = IPV4_BITS
    ipv6_prefix: int = IPV6_BITS

    def of(self, client: str) -> str:
        """The first address of the client's network, as text: the same for all clients in it.

        An IPv4-mapped address counts as its IPv4 address. Text that is not an IP address is returned unchanged. The zone of
        an IPv6 address stays, because the same prefix is a different network on another interface.
        """
        try:
            address = ipaddress.ip_address(client)
        except ValueError:
            return client
        if address.version == 6:
            if address.ipv4_mapped is None:
                zone = f"%{address.scope_id}" if address.scope_id else ""
                return f"{ipaddress.IPv6Address(_cleared(int(address), IPV6_BITS - self.ipv6_prefix))}{zone}"
            address = address.ipv4_mapped
        return str(ipaddress.IPv4Address(_cleared(int(address), IPV4_BITS - self.ipv4_prefix)))


EACH_ALONE = Networks()


def _cleared(number: int, bits: int) -> int:
    return number >> bits << bits
