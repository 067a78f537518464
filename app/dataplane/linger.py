"""What closing a connection looks like to its peer: an end, or a break.

`socket.setsockopt` takes an option that is no number for one first, twice, and writes the two errors that nobody sees: three
times what the system takes, and three times per session.
"""

import ctypes
import socket

from app.link.sockets import CLOSE_IN_ORDER, RESET_ON_CLOSE, Option

_setsockopt = ctypes.CDLL(None).setsockopt


def _prepared(option: Option) -> tuple[int, int, "ctypes.Array[ctypes.c_char]", int]:
    level, name, value = option
    assert isinstance(value, bytes)
    return level, name, ctypes.create_string_buffer(value, len(value)), len(value)


_BREAK, _END = _prepared(RESET_ON_CLOSE), _prepared(CLOSE_IN_ORDER)


def reset_on_close(sock: socket.SocketType) -> None:
    """Let the peer get a reset, whatever closes this socket, be it the death of the process."""
    _setsockopt(sock.fileno(), *_BREAK)


def close_in_order(sock: socket.SocketType) -> None:
    """Let the peer get what has been sent, and then the end."""
    _setsockopt(sock.fileno(), *_END)
