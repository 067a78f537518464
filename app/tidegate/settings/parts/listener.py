"""Settings of a listener: the addresses where clients connect, the pool that serves them, and their limits."""

from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from tidegate.core.address import Address
from tidegate.core.bind import Bind
from tidegate.core.listener_options import ListenerOptions
from tidegate.core.network import IPV6_BITS
from tidegate.core.preface.routes import pools_of
from tidegate.settings.notation.addresses import BIND
from tidegate.settings.notation.networks import NETWORKS, NetworkList
from tidegate.settings.notation.values import short_duration, text, whole_number
from tidegate.settings.parts.connection import ConnectionSettings
from tidegate.settings.parts.proxy_protocol import ProxyProtocolSettings
from tidegate.settings.parts.route import ROUTES, RouteSettings
from tidegate.settings.parts.section import items_of

MOST_ADDRESSES = 64
MOST_CONNECTIONS = 10_000_000
HIGHEST_RATE = 1_000_000
USUAL_PREFACE_TIMEOUT = 5.0
_NO_LIMIT = " (0 means no limit)"


def bind_items(value: object) -> list[object]:
    """Return the addresses of one listener, not yet read; raises ValueError when there are none."""
    items = items_of(value, MOST_ADDRESSES)
    if not items:
        raise ValueError(
            "no address: give one like 0.0.0.0:8000, [::]:8000 or unix:/run/tidegate.sock, or a comma list of those"
        )
    return items


class ListenerSettings(ConnectionSettings):
    """One listener, with its connections to clients."""

    bind: Annotated[tuple[Annotated[Bind, BIND], ...], BeforeValidator(bind_items)] = Field(
        default=(),
        description="where clients connect, as in `0.0.0.0:8000`, `[::]:8000` or `unix:/run/tidegate.sock mode=0660` "
        "(without a mode, only its own user may connect); comma list for several",
    )
    pool: Annotated[str, text(r".+", "the name of a pool")] = Field(description="name of the pool that clients are given to")
    allow: Annotated[NetworkList | None, NETWORKS.or_none()] = Field(
        default=None,
        description="comma list of addresses and networks: only these clients are let in; `@/path` = the lines of a file",
    )
    deny: Annotated[NetworkList | None, NETWORKS.or_none()] = Field(
        default=None, description="the same for clients that are reset, whatever `allow` says"
    )
    proxy_protocol: ProxyProtocolSettings = Field(
        default_factory=ProxyProtocolSettings, description="whether a proxy tells the clients' addresses"
    )
    routes: Annotated[tuple[RouteSettings, ...], ROUTES] = Field(
        default=(),
        description="pools by the first bytes; the first route that matches counts, and `pool` where none does: "
        "`sni=chat.example.com,*.chat.example.com pool=chat; alpn=mqtt pool=mqtt; host=api.example.com path=/v1/ pool=api`",
    )
    preface_timeout: Annotated[float, short_duration()] = Field(
        default=USUAL_PREFACE_TIMEOUT,
        description="time that a client has for its PROXY header, and for the first bytes that `routes` ask for",
    )
    max_connections: Annotated[int, whole_number(0, MOST_CONNECTIONS, _NO_LIMIT)] = Field(
        default=0, description="connections of all clients together, above which newcomers are reset; `0` = no limit"
    )
    max_connections_per_client: Annotated[int, whole_number(0, MOST_CONNECTIONS, _NO_LIMIT)] = Field(
        default=0, description="the same for each client: an IPv4 address or an IPv6 network"
    )
    client_ipv6_prefix: Annotated[int, whole_number(1, IPV6_BITS)] = Field(
        default=64, description="leading bits of an IPv6 address that tell these clients apart; `128` = each address alone"
    )
    accept_rate: Annotated[int, whole_number(0, HIGHEST_RATE, _NO_LIMIT)] = Field(
        default=0, description="new connections per second, above which clients wait in the kernel's queue; `0` = no limit"
    )
    accept_burst: Annotated[int | None, whole_number(1, HIGHEST_RATE).or_none()] = Field(
        default=None,
        description="new connections that may come at once, on top of the rate",
        json_schema_extra={"default_text": "what the rate gives in 100 ms, at least 1"},
    )
    accept_rate_per_client: Annotated[int, whole_number(0, HIGHEST_RATE, _NO_LIMIT)] = Field(
        default=0,
        description="new connections per second of each of these clients, above which more are reset; `0` = no limit",
    )
    accept_burst_per_client: Annotated[int | None, whole_number(1, HIGHEST_RATE).or_none()] = Field(
        default=None,
        description="new connections that one of them may open at once, on top of its rate",
        json_schema_extra={"default_text": "what the rate gives in a second"},
    )

    @field_validator("accept_burst", "accept_burst_per_client")
    @classmethod
    def _of_a_rate(cls, burst: int | None, info: ValidationInfo) -> int | None:
        rate = str(info.field_name).replace("burst", "rate")
        if burst is not None and info.data.get(rate) == 0:
            raise ValueError(f"there is no {rate}: expected one, too")
        return burst

    @field_validator("preface_timeout")
    @classmethod
    def _of_a_preface(cls, timeout: float, info: ValidationInfo) -> float:
        proxies = getattr(info.data.get("proxy_protocol"), "from", None)
        if timeout != USUAL_PREFACE_TIMEOUT and not proxies and info.data.get("routes") == ():
            raise ValueError("there is nothing to wait for: expected proxy_protocol.from or routes, too")
        return timeout

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where clients connect."""
        return tuple(bind.address for bind in self.bind)

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that its clients may be given to: its own first, then those of routes."""
        return pools_of(self.pool, (route.route for route in self.routes))

    @property
    def proxies(self) -> NetworkList | None:
        """The networks whose connections begin with a PROXY header."""
        networks: NetworkList | None = getattr(self.proxy_protocol, "from")
        return networks

    @property
    def burst(self) -> int:
        """The burst in effect."""
        return self.accept_burst or max(1, self.accept_rate // 10)

    @property
    def burst_per_client(self) -> int:
        """The burst in effect for each client."""
        return self.accept_burst_per_client or max(1, self.accept_rate_per_client)

    @property
    def options(self) -> ListenerOptions:
        """The options that workers get."""
        return ListenerOptions(
            allow=None if self.allow is None else list(self.allow.networks),
            deny=list(self.deny.networks) if self.deny else [],
            proxies=list(self.proxies.networks) if self.proxies else [],
            preface_timeout=self.preface_timeout,
            routes=[route.route for route in self.routes],
            max_connections=self.max_connections,
            max_connections_per_client=self.max_connections_per_client,
            client_ipv6_prefix=self.client_ipv6_prefix,
            accept_rate=self.accept_rate,
            accept_burst=self.burst,
            accept_rate_per_client=self.accept_rate_per_client,
            accept_burst_per_client=self.burst_per_client,
            connection=self.connection_options,
        )
