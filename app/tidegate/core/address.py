"""Addresses as text and back: `host:port`, with IPv6 in brackets, or `unix:/path`."""

import ipaddress
import re
from collections.abc import Iterable
from itertools import chain, zip_longest
from typing import NamedTuple

from tidegate.core.unix_socket import UNIX, is_unix, parse_unix_socket

_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


class Address(NamedTuple):
    """A host (IP address or name, lower case, IPv6 without brackets and compressed) and a TCP port.

    A Unix socket is a host like `unix:/run/app.sock` with port 0.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return join_address(self.host, self.port)

    @property
    def is_resolved(self) -> bool:
        """Whether it can be connected to as it is: it has an IP address, or is a Unix socket."""
        return is_ip(self.host) or self.is_unix

    @property
    def is_unix(self) -> bool:
        """Whether it is a Unix socket."""
        return is_unix(self.host)


def join_address(host: str, port: int) -> str:
    """`10.0.0.5:8001`, `[::1]:8001`, `unix:/run/app.sock`; `unix:` for a client at a Unix socket."""
    if ":" in host:
        return host if is_unix(host) else f"[{host}]:{port}"
    return f"{host}:{port}"


def parse_host_and_port(text: str) -> Address:
    """Read `10.0.0.5:8001`, `[::1]:8001` or `chat.internal:8001`.

    Raises ValueError that says what is wrong and what would be right.
    """
    host, colon, port = text.strip().rpartition(":")
    if not colon or not host or "/" in text or text.strip().endswith("]"):
        raise ValueError("expected host:port, like 10.0.0.5:8001 or [::1]:8001")
    if host.startswith("[") and host.endswith("]"):
        return Address(_ipv6(host[1:-1]), parse_port(port))
    if ":" in host:
        raise ValueError("an IPv6 address needs brackets, like [::1]:8001")
    return Address(parse_host(host), parse_port(port))


def parse_address(text: str) -> Address:
    """Read `host:port`, as `parse_host_and_port` does, or `unix:/run/app.sock`. Raises ValueError."""
    text = text.strip()
    if text.startswith(UNIX):
        return Address(parse_unix_socket(text), 0)
    return parse_host_and_port(text)


def parse_port(text: str) -> int:
    """Read a TCP port, 1 to 65535; raises ValueError."""
    if text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65535:
        return int(text)
    raise ValueError(f"port {text!r} is not a number from 1 to 65535")


def parse_host(text: str) -> str:
    """Read an IPv4 address or a host name and return it in lower case; raises ValueError."""
    host = text.lower()
    if is_ip(host):
        return host
    labels = host.removesuffix(".").split(".")
    if labels[-1].isdecimal():
        raise ValueError(f"{text!r} is not an IPv4 address")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{text!r} is neither an IP address nor a host name")
    return host


def is_ip(host: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def destination(host: str) -> str:
    """The IP address at which a connection to this host arrives. A host name is returned unchanged.

    An IPv4-mapped IPv6 address becomes the IPv4 address; an unspecified address (`0.0.0.0`, `::`) becomes loopback.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return str(address)


def alternating(hosts: Iterable[str]) -> list[str]:
    """IP addresses without duplicates: in the given order, but with the families alternating, as in RFC 8305 (section 4).

    A broken address family then costs one attempt, instead of one for each of its addresses.
    """
    distinct = list(dict.fromkeys(hosts))
    first = [host for host in distinct if (":" in host) is (":" in distinct[0])]
    second = [host for host in distinct if (":" in host) is not (":" in distinct[0])]
    return [host for host in chain.from_iterable(zip_longest(first, second)) if host]


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError(f"{text!r} in brackets is not an IPv6 address") from None
    zone = address.scope_id
    if zone is None:
        return _compressed(address)
    if not _ZONE.fullmatch(zone):
        raise ValueError(f"{zone!r} is not the name of a network interface")
    return f"{_compressed(ipaddress.IPv6Address(int(address)))}%{zone}"


def _compressed(address: ipaddress.IPv6Address) -> str:
    """The notation of RFC 5952. Python before 3.13 writes IPv4-mapped addresses differently."""
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else address.compressed
