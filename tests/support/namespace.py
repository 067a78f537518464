"""A network of its own with the loopback interface alone; for a test with few ports to connect from."""

import asyncio
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.missing import skip_or_fail

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
LONGEST = 20.0  # seconds that a story may take


def enter_own_network() -> None:
    """Move this thread, and what it starts from now on, into a network with the loopback interface alone; or OSError."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    with socket.socket() as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


async def in_own_network(story: Callable[[], Coroutine[Any, Any, None]], *, ports: range, ipv6: bool = True) -> None:
    """Run a story where connections get only these ports as their own. Needs a system that allows such a network.

    It has a thread of its own, as the network is that of a thread and of the processes that this starts.
    """
    with ThreadPoolExecutor(1) as threads:
        await asyncio.get_running_loop().run_in_executor(threads, _run, story, ports, ipv6)


def _run(story: Callable[[], Coroutine[Any, Any, None]], ports: range, ipv6: bool) -> None:  # noqa: FBT001
    try:
        enter_own_network()
    except OSError as error:
        skip_or_fail(f"no network of its own: {error}")
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"{ports[0]} {ports[-1]}")
    Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("0" if ipv6 else "1")
    asyncio.run(asyncio.wait_for(story(), LONGEST))
