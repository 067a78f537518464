"""What a header of the PROXY protocol says. Text that is absent is empty."""

from dataclasses import dataclass
from typing import NamedTuple

from tidegate.core.address import Address


class Endpoints(NamedTuple):
    """Both ends of the client's connection, as IP addresses with ports; a port may be 0."""

    source: Address
    destination: Address


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


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A header of `length` bytes. Without endpoints the addresses of the connection itself are those of the client."""

    length: int
    endpoints: Endpoints | None = None
    tlvs: ProxyTlvs = NO_TLVS
