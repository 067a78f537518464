"""The network of the benchmark: where the system allows it one of its own, in which it chooses the congestion control."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which

from tests.support.namespace import enter_own_network

SYSTEM = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
CUBIC = "cubic"  # what most systems have
ROUTES = ("127.0.0.0/8", "127.0.0.1")
LINES_IN_A_LOG_SOCKET = 4096


def own_network() -> bool:
    """Move the benchmark, and what it starts from now on, into a network of its own, if it may and has the tool for it."""
    with suppress(OSError):
        if which("ip") is None:
            return False
        enter_own_network()
        Path("/proc/sys/net/unix/max_dgram_qlen").write_text(str(LINES_IN_A_LOG_SOCKET))
        return True
    return False


@contextmanager
def congestion_control(name: str) -> Iterator[None]:
    """Let all connections that begin meanwhile have it, of whichever program. Any but the system's needs `own_network`.

    The routes say so, because a system may forbid all but some as the default of a network.
    """
    if name == SYSTEM:
        yield
        return
    _set_routes("congctl", name)
    try:
        yield
    finally:
        _set_routes()


def _set_routes(*options: str) -> None:
    for route in ROUTES:
        command = ["ip", "route", "change", "local", route, "dev", "lo", "table", "local", "proto", "kernel"]
        subprocess.run([*command, "scope", "host", "src", "127.0.0.1", *options], check=True)
