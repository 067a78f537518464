"""Socket options of client and backend connections. What is set on a listening socket, accepted ones inherit."""

import socket
import struct

BACKLOG = 4096  # clients that the kernel has let in and nobody has accepted yet

Option = tuple[int, int, int] | tuple[int, int, bytes]

BREAK, END = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)  # what closing sends: struct linger of socket(7)
RESET_ON_CLOSE: Option = (socket.SOL_SOCKET, socket.SO_LINGER, BREAK)

NODELAY: Option = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
# A peer that is gone without a word is noticed within two minutes, and idle connections keep their place in NAT tables.
KEEPALIVE: tuple[Option, ...] = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
)
# Whatever ends a session in the middle, be it the death of the worker, must look like it: a session that has come to its
# end on both sides takes RESET_ON_CLOSE back.
SESSION_OPTIONS: tuple[Option, ...] = (NODELAY, RESET_ON_CLOSE, *KEEPALIVE)
