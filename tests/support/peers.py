"""Clients and backends for tests: both ends of a connection as plain sockets that can half-close, stall, and reset."""

import asyncio
import random
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.ports import free_port
from tests.support.sockets import break_off, drop_all, unacknowledged
from tests.support.waiting import until
from tidegate.core.address import Address
from tidegate.core.pools.backend import Backend

CHUNK = 64 * 1024


class Peer:
    """One end of a TCP connection, the client's or the backend's. Non-blocking; use from one event loop."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.reset_early = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.sock.close()

    @property
    def port(self) -> int:
        """The local port."""
        return int(self.sock.getsockname()[1])

    async def send(self, data: bytes) -> None:
        """Send all of it; waits while the other end does not read."""
        self._notice_early_reset()
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def read(self, size: int = CHUNK) -> bytes:
        """What has come, at most `size` bytes; empty at the end of the stream."""
        self._notice_early_reset()
        return await asyncio.get_running_loop().sock_recv(self.sock, size)

    async def read_exactly(self, size: int) -> bytes:
        """So many bytes; raises EOFError when the stream ends before."""
        data = bytearray()
        while len(data) < size:
            chunk = await self.read(size - len(data))
            if not chunk:
                raise EOFError(f"the stream ended after {len(data)} of {size} bytes")
            data += chunk
        return bytes(data)

    async def read_all(self) -> bytes:
        """Everything up to the end of the stream; a reset raises ConnectionResetError."""
        data = bytearray()
        while chunk := await self.read():
            data += chunk
        return bytes(data)

    async def was_reset(self) -> bool:
        """Read to the end of the stream; whether that end is a reset."""
        try:
            await self.read_all()
        except ConnectionResetError:
            return True
        return False

    def _notice_early_reset(self) -> None:
        if self.reset_early:
            raise ConnectionResetError("reset right after the connection was made")

    def end(self) -> None:
        """Half-close: send nothing more, but read on."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close both directions."""
        self.sock.close()

    def reset(self) -> None:
        """Break the connection off: the other end gets ECONNRESET."""
        break_off(self.sock)

    def fall_silent(self) -> None:
        """Be gone without a word, as after a power cut: the kernel drops whatever comes, and so acknowledges nothing."""
        drop_all(self.sock)

    @property
    def unacknowledged(self) -> int:
        """Bytes sent that the kernel at the other end has not taken yet."""
        return unacknowledged(self.sock)

    @property
    def writable(self) -> bool:
        """Whether the kernel would take more bytes now."""
        _, writable, _ = select.select((), (self.sock,), (), 0)
        return bool(writable)


async def connect(port: int, host: str = "127.0.0.1", *, receive_buffer: int = 0, source: str = "") -> Peer:
    """A client of a port, from the loopback address `source` if given.

    A `receive_buffer` in bytes makes it push back early when it does not read.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        sock.bind((source, 0))
    peer = Peer(sock)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (host, port))
    except ConnectionResetError:
        peer.reset_early = True  # connected, and reset before asyncio looked at the socket, which takes the error away
    except BaseException:
        peer.close()
        raise
    return peer


class Listening:
    """A backend that accepts when a test says so; until then connections wait in the kernel's queue."""

    def __init__(self, sock: socket.socket, address: Address | None = None) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.address = address or Address(*sock.getsockname()[:2])

    def backend(self, *, weight: int = 1, max_connections: int = 0, backup: bool = False) -> Backend:
        """It as a pool knows it."""
        return Backend(str(self.address), *self.address, weight, max_connections, backup)

    async def accept(self) -> Peer:
        """The next connection."""
        sock, _ = await asyncio.get_running_loop().sock_accept(self.sock)
        return Peer(sock)

    @property
    def waiting(self) -> bool:
        """Whether a connection waits to be accepted."""
        readable, _, _ = select.select((self.sock,), (), (), 0)
        return bool(readable)


def limit_buffers(sock: socket.socket, size: int) -> None:
    """Limit what the kernel holds of a connection each way, if `size` is not 0; accepted connections inherit it."""
    if size:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1460)  # keeps the buffers at the other end small, too


@contextmanager
def listening(host: str = "127.0.0.1", *, port: int = 0, kernel_buffer: int = 0, backlog: int = 4096) -> Iterator[Listening]:
    """Listen (port 0: a free one). `kernel_buffer` limits what the kernel holds of each accepted connection, in bytes."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        limit_buffers(sock, kernel_buffer)
        sock.bind((host, port))
        sock.listen(backlog)
        yield Listening(sock)


@asynccontextmanager
async def serving(behave: Callable[[Peer], Awaitable[None]], host: str = "127.0.0.1") -> AsyncIterator[Listening]:
    """A backend that does the same with every connection, then closes it; the ends of sockets in between are no errors."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(peer: Peer) -> None:
        with peer, suppress(OSError):
            await behave(peer)

    def serve(peer: Peer) -> None:
        task = asyncio.create_task(one(peer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: peer.close())  # it may be cancelled before it begins

    async def accept() -> None:
        while True:
            serve(await backend.accept())

    with listening(host) as backend:
        acceptor = asyncio.create_task(accept())
        try:
            yield backend
        finally:
            acceptor.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(acceptor, *tasks, return_exceptions=True)


async def echo(peer: Peer) -> None:
    """Send back what comes, to the end."""
    while data := await peer.read():
        await peer.send(data)


async def close_at_once(_peer: Peer) -> None:
    """Close without a word."""


async def reset_at_once(peer: Peer) -> None:
    """Break off without a word."""
    peer.reset()


def dead_backend() -> Backend:
    """A backend that refuses connections."""
    address = Address("127.0.0.1", free_port())
    return Backend(str(address), *address)


@asynccontextmanager
async def full_backend() -> AsyncIterator[Listening]:
    """A backend whose queue of connections is full, so that the kernel drops what else comes, until it accepts the first."""
    with listening(backlog=0) as backend, await connect(backend.address.port):
        await until(lambda: backend.waiting)
        yield backend


@asynccontextmanager
async def blackhole() -> AsyncIterator[Backend]:
    """A backend that never answers a dial."""
    async with full_backend() as backend:
        yield backend.backend()


async def until_stalled(*peers: Peer) -> None:
    """Wait until the kernel takes nothing more from any of these, for a while: all buffers on the way are full."""
    polls = 0

    def stalled() -> bool:
        nonlocal polls
        polls = 0 if any(peer.writable for peer in peers) else polls + 1
        return polls > 5

    await until(stalled)


def unread_bytes(port: int, peer_port: int) -> int:
    """Bytes in the kernel that a local process has not read from its IPv4 connection between these two ports."""
    local, remote = f":{port:04X}", f":{peer_port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(local) and fields[2].endswith(remote):
            return int(fields[4].partition(":")[2], 16)
    return 0


def payload(size: int, seed: int = 0) -> bytes:
    """Bytes without any pattern, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def checksum(data: bytes | bytearray) -> str:
    """Length and SHA-256, for comparisons that stay readable when they fail."""
    return f"{len(data)} bytes {sha256(data).hexdigest()}"
