"""Socket options of client and backend connections. Accepted sockets inherit the options of their listening socket."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EBADF
from math import ceil

from tidegate.core.connection_options import ConnectionOptions

BACKLOG = 4096  # connections that the kernel has established and no worker has accepted yet

NumberOption = tuple[int, int, int]
Option = NumberOption | tuple[int, int, bytes]

BREAK, END = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)  # struct linger of socket(7): close with a reset, with a FIN
RESET_ON_CLOSE: Option = (socket.SOL_SOCKET, socket.SO_LINGER, BREAK)

NODELAY: NumberOption = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
URGENT_IN_STREAM: NumberOption = (socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
# A session that is cut off, even by the death of the worker, must end with a reset. A session that has ended cleanly on both
# sides takes RESET_ON_CLOSE back.
SESSION_OPTIONS: tuple[Option, ...] = (NODELAY, RESET_ON_CLOSE, URGENT_IN_STREAM)


def buffer_options(wanted: ConnectionOptions) -> list[NumberOption]:
    """The options that limit the kernel's memory for a connection, in bytes; for 0 the kernel decides.

    Set them before the socket listens or connects, because the first segment announces how far the window can grow.
    """
    options = (
        (socket.SOL_SOCKET, socket.SO_RCVBUF, wanted.receive_buffer),
        (socket.SOL_SOCKET, socket.SO_SNDBUF, wanted.send_buffer),
        (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, wanted.notsent_lowat),
    )
    return [option for option in options if option[2]]


def alive_options(wanted: ConnectionOptions) -> list[NumberOption]:
    """The options that detect dead peers, and keep idle connections in NAT tables; times are in seconds.

    Keepalive probes a peer only while no data is unacknowledged. TCP_USER_TIMEOUT (RFC 5482) ends a connection whose data is
    unacknowledged for `peer_timeout`. Unless that is 0, it also decides when a silent peer is dead, in place of
    `keepalive_count`.
    """
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, ceil(wanted.keepalive_idle)),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, ceil(wanted.keepalive_interval)),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, wanted.keepalive_count),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, ceil(wanted.peer_timeout * 1000)),
    ]


@contextmanager
def borrowed(descriptor: int) -> Iterator[socket.SocketType]:
    """A socket for calls on a descriptor, which stays open. Raises OSError when it is the descriptor of no socket."""
    if descriptor < 0:
        raise OSError(EBADF, os.strerror(EBADF))
    sock = socket.SocketType(fileno=descriptor)
    try:
        yield sock
    finally:
        sock.detach()
