"""Clients and backends at Unix sockets, as `peers` has them for TCP."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.peers import Listening, Peer
from tidegate.core.address import Address


async def connect_unix(path: Path) -> Peer:
    """A client of a Unix socket."""
    peer = Peer(socket.socket(socket.AF_UNIX))
    try:
        await asyncio.get_running_loop().sock_connect(peer.sock, str(path))
    except BaseException:
        peer.close()
        raise
    return peer


@contextmanager
def listening_unix(path: Path, *, backlog: int = 4096) -> Iterator[Listening]:
    """Listen at this path, which is free again afterwards. With a `backlog` of 0 one connection waits to be accepted."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen(backlog)
        try:
            yield Listening(sock, Address(f"unix:{path}", 0))
        finally:
            path.unlink()


def is_bound(path: Path) -> bool:
    """Whether there is the file of a Unix socket."""
    return path.is_socket()
