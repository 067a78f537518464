"""Streams to peers on this host, which need no pacing.

BBR spaces what it sends by timers, so that no router on the way has to drop any of it. To a peer on the same host, as an
application has beside it in its pod, there is no way, and the timers cost as much as moving the bytes (docs/performance.md).
A socket that has begun with BBR never loses them altogether, but without it they are so short that few are set.
"""

import socket
from contextlib import suppress
from typing import Final

from tidegate.link.sockets import borrowed

PACES: Final = b"bbr"
DOES_NOT: Final = b"reno"  # every Linux has it
LONGEST_NAME: Final = 16  # TCP_CA_NAME_MAX
LOOPBACK: Final = ("127.", "::ffff:127.")  # to ::1 one usually comes from ::1


def pace_less(descriptor: int) -> None:
    """Send nearly without pacing from now on, if the peer is on this host and the system's default is to pace."""
    with (
        suppress(OSError),
        borrowed(descriptor) as sock,
    ):  # a connection that has just broken tells so elsewhere, and the system may not allow Reno
        if sock.family != socket.AF_UNIX and is_on_this_host(sock.getpeername()[0], sock.getsockname()[0]) and _paces(sock):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, DOES_NOT)


def is_on_this_host(peer: str, own: str) -> bool:
    """Whether a connection from one IP address to the other stays on the host, as far as that shows.

    It does not show where the system translates its own address into another one, as for a NodePort of Kubernetes.
    """
    return peer == own or peer.startswith(LOOPBACK)


def _paces(sock: socket.SocketType) -> bool:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, LONGEST_NAME).startswith(PACES)
