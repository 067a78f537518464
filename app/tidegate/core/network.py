"""The network that a client's address is in, where all clients of a network shall count as one."""

import ipaddress
from typing import NamedTuple

IPV4_BITS, IPV6_BITS = 32, 128


class Networks(NamedTuple):
    """How many leading bits of an IPv4 and of an IPv6 address tell clients apart; with all of them each is on its own."""

    ipv4_prefix: int = IPV4_BITS
    ipv6_prefix: int = IPV6_BITS

    def of(self, client: str) -> str:
        """The first address of the client's network, the same text for all that are in it.

        An IPv4-mapped address is the IPv4 address in it. What is no IP address is returned as it is. The zone of an IPv6
        address stays: the same network is another one behind another interface.
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
