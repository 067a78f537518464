"""Ports that the system says are free."""

import socket
from contextlib import ExitStack


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on at the moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        return bound_port(sock, host)


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """So many different ones."""
    with ExitStack() as stack:
        return [bound_port(stack.enter_context(socket.socket()), host) for _ in range(count)]


def bound_port(sock: socket.socket, host: str) -> int:
    """The port that the system gives a socket."""
    sock.bind((host, 0))
    return int(sock.getsockname()[1])
