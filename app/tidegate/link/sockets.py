"""Socket options of client and backend connections. What is set on a listening socket, accepted ones inherit."""

import socket
import struct
from math import ceil

BACKLOG = 4096  # clients that the kernel has let in and nobody has accepted yet

NumberOption = tuple[int, int, int]
Option = NumberOption | tuple[int, int, bytes]

BREAK, END = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)  # what closing sends: struct linger of socket(7)
RESET_ON_CLOSE: Option = (socket.SOL_SOCKET, socket.SO_LINGER, BREAK)

NODELAY: NumberOption = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
URGENT_IN_STREAM: NumberOption = (socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
# Whatever ends a session in the middle, be it the death of the worker, must look like it: a session that has come to its
# end on both sides takes RESET_ON_CLOSE back.
SESSION_OPTIONS: tuple[Option, ...] = (NODELAY, RESET_ON_CLOSE, URGENT_IN_STREAM)


def buffer_options(receive: int, send: int, notsent: int) -> list[NumberOption]:
    """What bounds the memory of the kernel for a connection, in bytes; what is 0 the kernel decides.

    They have to be set before the socket listens or connects, because the first segment says how far the window can grow.
    """
    wanted = (
        (socket.SOL_SOCKET, socket.SO_RCVBUF, receive),
        (socket.SOL_SOCKET, socket.SO_SNDBUF, send),
        (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, notsent),
    )
    return [option for option in wanted if option[2]]


def alive_options(idle: float, interval: float, count: int, peer_timeout: float) -> list[NumberOption]:
    """What notices a peer that is gone without a word, and keeps idle connections in NAT tables; times in seconds.

    Keepalive asks only while no data is unacknowledged; TCP_USER_TIMEOUT (RFC 5482) ends a connection on which data has been
    for so long. Unless it is 0, it also decides in place of `count` when a silent peer has been asked for long enough.
    """
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, ceil(idle)),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, ceil(interval)),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, ceil(peer_timeout * 1000)),
    ]
