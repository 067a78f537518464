"""What closing a connection looks like to its peer: an end, or a break.

`socket.setsockopt` first tries to parse bytes as an int, twice; the discarded errors cost three times the system call, and a
session makes three of these calls.
"""

import ctypes
import socket
from socket import SO_LINGER, SOL_SOCKET
from typing import Final

from tidegate.link.sockets import BREAK, END

_setsockopt: Final = ctypes.CDLL(None).setsockopt
_SIZE: Final = len(BREAK)
_BREAK: Final = ctypes.create_string_buffer(BREAK, _SIZE)
_END: Final = ctypes.create_string_buffer(END, _SIZE)


def reset_on_close(sock: socket.SocketType) -> None:
    """Let the peer get a reset, whatever closes this socket, be it the death of the process."""
    _setsockopt(sock.fileno(), SOL_SOCKET, SO_LINGER, _BREAK, _SIZE)


def close_in_order(sock: socket.SocketType) -> None:
    """Let the peer get what has been sent, and then the end."""
    _setsockopt(sock.fileno(), SOL_SOCKET, SO_LINGER, _END, _SIZE)
