"""The addresses and ports of this machine: the source address of a connection, and whether one could connect to itself.

A connection to a local port on which nothing listens may get that same port as its source port. Its SYN then arrives at the
same socket, and the socket is connected to itself (RFC 9293, 3.5: simultaneous open).
"""

import socket
from errno import EADDRNOTAVAIL, ENETUNREACH
from functools import cache
from pathlib import Path

from tidegate.core.address import destination

_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")  # applies to IPv6, too
_ANY_PORT = 9  # UDP: nothing is sent


@cache
def ephemeral_ports() -> range:
    """The range of source ports, as of the first call. All ports when it cannot be read."""
    try:
        first, last = map(int, _PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        first, last = 1, 65535
    return range(first, last + 1)


def source_address(host: str) -> str | None:
    """The source address of a connection to this IP address. Sends nothing.

    None if there is no such address, or no socket to ask with (no descriptor is left, or the system has no IPv6).
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((host, _ANY_PORT))
            return str(sock.getsockname()[0])
    except OSError:
        return None


def precise_error(errno: int, host: str) -> int:
    """The error number of a connect(2) to this IP address, made precise.

    EADDRNOTAVAIL has two meanings: no source port is left, or no source address exists, as when IPv6 is switched off. The
    second becomes ENETUNREACH.
    """
    return ENETUNREACH if errno == EADDRNOTAVAIL and source_address(host) is None else errno


def may_meet_itself(host: str, port: int) -> bool:
    """Whether a connection to this IP address and port may get the same as its source."""
    return port in ephemeral_ports() and source_address(destination(host)) == destination(host)


def has_met_itself(sock: socket.SocketType, host: str, port: int) -> bool:
    """Whether this socket, connected to this IP address and port, is connected to itself."""
    own = sock.getsockname()
    return bool(own[1] == port) and destination(own[0]) == destination(host)
