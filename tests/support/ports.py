"""Ports that are free, and stay so until a program that is told of them has bound them.

They lie below those that the system gives to outgoing connections and to whoever binds port 0, and each process of the tests
has some of its own.
"""

import itertools
import os
import socket
from contextlib import ExitStack

FIRST, EACH = 10_000, 2_500
_first = FIRST + EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8)
_next = itertools.cycle(range(_first, _first + EACH))


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on at the moment."""
    return free_ports(1, host)[0]


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """So many different ones."""
    with ExitStack() as stack:
        return [_bind(stack.enter_context(socket.socket(_family(host))), host) for _ in range(count)]


def _bind(sock: socket.socket, host: str) -> int:
    for port in itertools.islice(_next, EACH):
        try:
            sock.bind((host, port))
        except OSError:
            continue
        return port
    raise AssertionError(f"no port from {_first} on is free on {host}")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
