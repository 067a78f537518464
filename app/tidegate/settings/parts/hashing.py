"""Settings of `source_hash` and affinity: which clients count as one, and how evenly the backends are loaded."""

from typing import Annotated

from pydantic import Field

from tidegate.core.network import IPV4_BITS, IPV6_BITS
from tidegate.settings.notation.values import factor, whole_number
from tidegate.settings.parts.section import Section

LEAST_BOUND, MOST_BOUND = 1.05, 100.0


class HashSettings(Section):
    """The hash of clients in one pool."""

    ipv4_prefix: Annotated[int, whole_number(1, IPV4_BITS)] = Field(
        default=IPV4_BITS,
        description="leading bits of an IPv4 address that tell clients apart, for `source_hash` and affinity",
    )
    ipv6_prefix: Annotated[int, whole_number(1, IPV6_BITS)] = Field(
        default=IPV6_BITS,
        description="the same for IPv6; `64` counts a client as one that changes its address within its network",
    )
    bounded_load: Annotated[float, factor(LEAST_BOUND, MOST_BOUND)] = Field(
        default=0.0,
        description="how far above its share of the connections a backend may get, for `source_hash`: `1.25` is usual; "
        "`0` = no bound",
    )
