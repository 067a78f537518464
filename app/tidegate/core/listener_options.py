"""The options of a listener: made from its settings, and sent to every worker as they are."""

from dataclasses import dataclass

from tidegate.core.connection_options import ConnectionOptions


@dataclass(frozen=True, slots=True)
class ListenerOptions:
    """Which clients a listener accepts, and how fast.

    The limits are those of all workers together, 0 means none; rates are connections per second. All of an IPv6 network
    with this prefix count as one client. The listening sockets get what `connection` says, and accepted ones inherit
    it.
    """

    max_connections: int
    max_connections_per_client: int
    client_ipv6_prefix: int
    accept_rate: float
    accept_burst: int
    accept_rate_per_client: float
    accept_burst_per_client: int
    connection: ConnectionOptions
