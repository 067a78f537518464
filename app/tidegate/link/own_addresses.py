"""What the system says about its own addresses and ports: which source a connection gets, and whether it could meet itself.

A connection to a port of this host on which nothing listens may be given that very port as its own. Then its opening segment
arrives at itself, and it is connected (RFC 9293, 3.5: simultaneous open) to nothing but itself.
"""

import socket
from errno import EADDRNOTAVAIL, ENETUNREACH
from functools import cache
from pathlib import Path

from tidegate.core.address import destination

_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")  # of IPv6, too
_ANY_PORT = 9  # UDP: nothing is sent


@cache
def ephemeral_ports() -> range:
    """The ports that connections are given as their own, as of the first call; all where that is unknown."""
    try:
        first, last = map(int, _PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        first, last = 1, 65535
    return range(first, last + 1)


def source_address(host: str) -> str | None:
    """The address that a connection to this IP address has on this side, or None where there is none, or no socket to ask
    with (no descriptor is left, or the system has no IPv6). Nothing is sent."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((host, _ANY_PORT))
            return str(sock.getsockname()[0])
    except OSError:
        return None


def precise_error(errno: int, host: str) -> int:
    """The error number of a connect to this IP address, made precise: with EADDRNOTAVAIL the system says that it has no port
    left to connect from, or no address, as for IPv6 where that is switched off. The latter is turned into ENETUNREACH."""
    return ENETUNREACH if errno == EADDRNOTAVAIL and source_address(host) is None else errno


def may_meet_itself(host: str, port: int) -> bool:
    """Whether a connection to this IP address and port may be given the same ones as its own."""
    return port in ephemeral_ports() and source_address(destination(host)) == destination(host)


def has_met_itself(sock: socket.SocketType, host: str, port: int) -> bool:
    """Whether a socket that is connected to this IP address and port is connected to itself."""
    own = sock.getsockname()
    return bool(own[1] == port) and destination(own[0]) == destination(host)
