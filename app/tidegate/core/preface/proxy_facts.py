"""What a header of the PROXY protocol says. Text that is absent is empty."""

from dataclasses import dataclass

Endpoints = tuple[tuple[str, int], tuple[str, int]]
"""Source and destination of the client's connection, each an IP address with its port, which may be 0.

Plain tuples: compiled code takes a thousand instructions to make one with names, and each header would need three.
"""


@dataclass(frozen=True, slots=True)
class ProxySsl:
    """The client's TLS connection to the proxy (section 2.2.6).

    `client` is a byte of the bits CLIENT_SSL, CLIENT_CERT_CONN and CLIENT_CERT_SESS. `verify` is 0 when a certificate of
    the client was verified. `version` is like `TLSv1.3`; `common_name` is that of the client's certificate.
    """

    client: int
    verify: int
    version: str = ""
    common_name: str = ""


CLIENT_SSL, CLIENT_CERT_CONN, CLIENT_CERT_SESS = 1, 2, 4
"""Bits of `ProxySsl.client`: the client uses TLS; it has sent a certificate on this connection; in this TLS session."""


@dataclass(frozen=True, slots=True)
class ProxyTlvs:
    """What TLVs say (section 2.2): the protocol and server name of the client, its TLS, and an id of up to 128 bytes."""

    alpn: str = ""
    authority: str = ""
    ssl: ProxySsl | None = None
    unique_id: bytes = b""


NO_TLVS = ProxyTlvs()


class ProxyHeader:
    """A header of `length` bytes. Without endpoints the addresses of the connection itself are those of the client.

    Each client behind a proxy has one, and as a dataclass it would cost ten times as much to make.
    """

    __slots__ = ("endpoints", "length", "tlvs")

    def __init__(self, length: int, endpoints: Endpoints | None = None, tlvs: ProxyTlvs = NO_TLVS) -> None:
        self.length, self.endpoints, self.tlvs = length, endpoints, tlvs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProxyHeader) and self._facts == other._facts

    def __hash__(self) -> int:
        return hash(self._facts)

    def __repr__(self) -> str:
        return f"ProxyHeader{self._facts}"

    @property
    def _facts(self) -> tuple[int, Endpoints | None, ProxyTlvs]:
        return self.length, self.endpoints, self.tlvs
