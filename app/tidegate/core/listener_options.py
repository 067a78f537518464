"""The options of a listener: made from its settings, and sent to every worker as they are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.core.connection_options import ConnectionOptions

if TYPE_CHECKING:  # a listener without routes needs no memory for them
    from tidegate.core.preface.routes import Route


@dataclass(frozen=True, slots=True)
class ListenerOptions:
    """Which clients a listener accepts, and how fast.

    Who is in `deny` is refused, and with an `allow`, even an empty one, also who is not in it. Connections from
    `proxies` begin with a PROXY header; `preface_timeout` is in seconds. The limits are those of all workers together, 0
    means none; rates are connections per second. All of an IPv6 network with this prefix count as one client. The
    listening sockets get what `connection` says, and accepted ones inherit it.
    """

    allow: list[str] | None
    deny: list[str]
    proxies: list[str]
    preface_timeout: float
    routes: "list[Route]"
    max_connections: int
    max_connections_per_client: int
    client_ipv6_prefix: int
    accept_rate: float
    accept_burst: int
    accept_rate_per_client: float
    accept_burst_per_client: int
    connection: ConnectionOptions
