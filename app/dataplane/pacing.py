"""Streams to peers on this host, which need no pacing.

BBR spaces what it sends by timers, so that no router on the way has to drop any of it. To a peer on the same host, as an
application has beside it in its pod, there is no way, and the timers cost as much as moving the bytes (docs/performance.md).
"""

import socket
from contextlib import suppress

PACES = b"bbr"
DOES_NOT = b"reno"  # every Linux has it, and lets everybody use it
LONGEST_NAME = 16  # TCP_CA_NAME_MAX
LOOPBACK = "127.", "::ffff:127."  # ::1 has no other address to come from


def do_without_pacing(sock: socket.SocketType) -> None:
    """Send without pacing from now on, if the peer is on this host and the system's default is to pace."""
    with suppress(OSError):  # a connection that has just broken tells so elsewhere
        if is_on_this_host(sock.getpeername()[0], sock.getsockname()[0]) and _paces(sock):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, DOES_NOT)


def is_on_this_host(peer: str, own: str) -> bool:
    """Whether a connection from one IP address to the other stays on the host, as far as that shows."""
    return peer == own or peer.startswith(LOOPBACK)


def _paces(sock: socket.SocketType) -> bool:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, LONGEST_NAME).startswith(PACES)
