"""Sockets by their descriptors. Python's sockets are borrowed for a call where the system has no other way."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from errno import EINPROGRESS, ENETUNREACH

from tidegate.core.address import is_ip
from tidegate.core.unix_socket import LONGEST_PATH, UNIX, is_unix, path_of
from tidegate.link.sockets import BREAK, END, NumberOption, borrowed

MAPPED_IPV4 = "::ffff:"
NONBLOCKING_STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK


class Target:
    """Where to connect to: an IP address, perhaps with the interface that it is reached by, and a port; or a Unix socket.

    Raises ValueError when `host` is neither.
    """

    address: tuple[str, int] | str

    def __init__(self, host: str, port: int) -> None:
        if not isinstance(host, str):  # a number is an address for `ipaddress`
            raise TypeError("a host is a string")
        if "\0" in host:
            raise ValueError("not an address: it has a zero byte")
        if is_unix(host):
            self.family, self.address = socket.AF_UNIX, path_of(host)
            if not self.address.startswith("/") or len(self.address.encode()) > LONGEST_PATH:
                raise ValueError(f"not a Unix socket: {host}")
        elif is_ip(host):
            self.family, self.address = (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, port)
        else:
            raise ValueError(f"not an IP address: {host}")


def accept(listening: int) -> tuple[int, str, int] | int:
    """Accept a client: its descriptor, which does not block, its IP address and port; or an error number, negative.

    The listening socket does not block, either. A client of IPv4 at a socket of IPv6 is a client of IPv4. One at a Unix
    socket is called `unix:`, with port 0.
    """
    try:
        with borrowed(listening) as sock:
            descriptor, address = sock._accept()  # type: ignore[attr-defined]  # noqa: SLF001
    except OSError as error:
        return -_number(error)
    if not isinstance(address, tuple):
        address = UNIX, 0
    try:
        os.set_blocking(descriptor, False)
        return descriptor, address[0].removeprefix(MAPPED_IPV4), address[1]
    except BaseException:
        os.close(descriptor)
        raise


def connect(target: Target, options: Sequence[NumberOption]) -> int:
    """Begin to connect: the descriptor, or the error number of connect(2), negative. Raises OSError without a socket, and
    OverflowError for a port that there cannot be. Options of TCP are left out for a Unix socket."""
    sock = socket.SocketType(target.family, NONBLOCKING_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, BREAK)
        for level, option, value in options:
            if target.family != socket.AF_UNIX or level != socket.IPPROTO_TCP:
                sock.setsockopt(level, option, value)
        error = sock.connect_ex(target.address)
        if error and error != EINPROGRESS:
            return -error
        return sock.detach()
    except socket.gaierror:  # the interface that the address names is not there
        return -ENETUNREACH
    finally:
        sock.close()


def set_option(descriptor: int, level: int, option: int, value: int) -> None:
    """Set an option of a socket. Raises OSError."""
    with borrowed(descriptor) as sock:
        sock.setsockopt(level, option, value)


def let_end_in_order(descriptor: int) -> None:
    """Let the close that follows be an end and not a reset."""
    with suppress(OSError), borrowed(descriptor) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, END)


def send(descriptor: int, data: bytes) -> int:
    """Send: how many bytes were taken, or an error number, negative."""
    try:
        return os.write(descriptor, data)
    except OSError as error:
        return -_number(error)


def peek(descriptor: int) -> int:
    """Look at what would be read: 1 for a byte, 0 at the end, or an error number, negative."""
    try:
        with borrowed(descriptor) as sock:
            return len(sock.recv(1, socket.MSG_PEEK))
    except OSError as error:
        return -_number(error)


def receive(descriptor: int, most: int, keep: bool, /) -> bytes | int:  # noqa: FBT001  a keyword would cost more
    """Receive at most so many bytes, and leave them in the kernel with `keep`: the bytes, empty at the end, or an error
    number, negative. Raises ValueError for less than one."""
    if most < 1:
        raise ValueError("expected to receive at least a byte")
    try:
        with borrowed(descriptor) as sock:
            return sock.recv(most, socket.MSG_PEEK if keep else 0)
    except OSError as error:
        return -_number(error)


def _number(error: OSError) -> int:
    return error.errno or 0
