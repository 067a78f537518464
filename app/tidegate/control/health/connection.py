"""The connection of a probe: always a new one, optionally encrypted, with a bound on everything that it receives.

It uses a plain socket, because a stream or a transport would read more from the peer than the probe wants. The bound keeps a
peer that sends endlessly from keeping the event loop busy.
"""

import asyncio
import os
import socket
from contextlib import suppress
from errno import EAGAIN, EALREADY, ECONNREFUSED, EINPROGRESS
from ssl import SSLContext
from typing import Self

from tidegate.control.health.request import CLOSED, ProbeError, ProbeRequest
from tidegate.control.health.tls_layer import TlsLayer
from tidegate.core.address import Address
from tidegate.core.unix_socket import path_of
from tidegate.link.own_addresses import has_met_itself, precise_error
from tidegate.link.sockets import RESET_ON_CLOSE

CHUNK = 8 * 1024
MOST_LINE = 8 * 1024
MOST_RECEIVED = 256 * 1024
LOOPBACK = "127.0.0.1"
NEXT_TRY = 0.02
"""Seconds until a Unix socket is tried again whose queue was full."""
LONGEST_GOODBYE = 0.5
"""Seconds for a backend to close the connection after it was asked to."""


class Connection:
    """A connection to the address of a probe, open within its context. All methods raise ProbeError or OSError."""

    def __init__(self, request: ProbeRequest) -> None:
        self._address, self._progress = request.address, request.progress
        self._header = request.settings.send_proxy_protocol.header(None)
        self._sock = _new_socket(request.address)
        self._loop = asyncio.get_running_loop()
        self._unread = b""
        self._on_the_wire = 0
        self._tls: TlsLayer | None = None

    async def __aenter__(self) -> Self:
        try:
            await _connect(self._sock, self._address)
            if self._header:
                await self._loop.sock_sendall(self._sock, self._header)
        except BaseException:
            self._sock.close()
            raise
        self._progress.connected = True
        return self

    async def __aexit__(self, *_: object) -> None:
        with self._sock:
            self._end_tls()

    @property
    def own_host(self) -> str:
        """The local IP address; loopback for a Unix socket."""
        return LOOPBACK if self._sock.family == socket.AF_UNIX else str(self._sock.getsockname()[0])

    async def send(self, data: bytes) -> None:
        """Send all bytes."""
        await self._loop.sock_sendall(self._sock, self._tls.encrypted(data) if self._tls else data)
        self._progress.sent += len(data)

    async def read(self) -> bytes:
        """Receive some bytes, about a chunk at most. Empty at the end of the stream."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        data = await (self._receive_decrypted(self._tls) if self._tls else self._receive())
        self._progress.received += len(data)
        return data

    async def line(self) -> bytes:
        """Read the next line, without its line ending."""
        data = bytearray()
        while b"\n" not in data:
            if len(data) > MOST_LINE:
                raise ProbeError(f"the answer has a line of more than {MOST_LINE} bytes")
            data += await self._some(data)
        line, _, rest = bytes(data).partition(b"\n")
        self._unread = rest
        return line.removesuffix(b"\r")

    async def exactly(self, count: int) -> bytes:
        """Read exactly `count` bytes. The caller limits the count."""
        if not count:
            return b""
        data = bytearray()
        while len(data) < count:
            data += await self._some(data)
        self._unread = bytes(data[count:])
        return bytes(data[:count])

    async def start_tls(self, context: SSLContext, server_name: str) -> None:
        """Do the TLS handshake, and encrypt from then on. If the context verifies, the certificate must be valid for the
        name."""
        self._progress.encrypting = True
        tls = TlsLayer(context, server_name)
        self._tls = tls
        if self._unread:  # came with the invitation; nothing said in clear may pass for something encrypted
            tls.take(self._unread)
            self._unread = b""
        while not tls.handshake():
            await self._send_pending(tls)
            tls.take(await self._receive())
        await self._send_pending(tls)
        self._progress.encrypting = False

    async def say_goodbye(self, data: bytes) -> None:
        """Send the protocol's last message, and wait shortly for the peer to close. The probe has passed in any case."""
        self._progress.passed = True
        with suppress(OSError, ProbeError):
            async with asyncio.timeout(LONGEST_GOODBYE):
                await self.send(data)
                while await self.read():
                    pass

    def _end_tls(self) -> None:
        """Send close_notify or an alert to a TLS peer, because many servers log an error without it. Never waits."""
        if self._tls:
            with suppress(OSError):
                self._sock.send(self._tls.last_words())

    async def _some(self, before: bytearray) -> bytes:
        data = await self.read()
        if not data:
            raise ProbeError("connection closed in the middle of an answer" if before else CLOSED)
        return data

    async def _receive(self) -> bytes:
        await asyncio.sleep(0)  # lets other tasks run even if the peer always has more to receive
        data = await self._loop.sock_recv(self._sock, CHUNK)
        self._on_the_wire += len(data)
        if self._on_the_wire > MOST_RECEIVED:
            raise ProbeError(f"received more than {MOST_RECEIVED} bytes without a usable answer")
        return data

    async def _receive_decrypted(self, tls: TlsLayer) -> bytes:
        while (data := tls.decrypted()) is None:
            await self._send_pending(tls)
            tls.take(await self._receive())
        return data

    async def _send_pending(self, tls: TlsLayer) -> None:
        if data := tls.pending():
            await self._loop.sock_sendall(self._sock, data)


async def _connect(sock: socket.socket, address: Address) -> None:
    if address.is_unix:
        await _connect_unix(sock, path_of(address.host))
    else:
        await _connect_tcp(sock, address)


async def _connect_tcp(sock: socket.socket, address: Address) -> None:
    """Connect to an IP address. uvloop's `sock_connect` would look it up first, which takes a fifth of the cost of a `tcp`
    probe."""
    error = sock.connect_ex(address)
    if error == EINPROGRESS:
        error = sock.connect_ex(address)  # a backend on this host has answered by now
    if error == EALREADY:
        await _until_writable(sock)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if not error and has_met_itself(sock, *address):
        sock.setsockopt(*RESET_ON_CLOSE)  # a reset frees the port at once, so that the backend can listen on it
        error = ECONNREFUSED
    if error:
        error = precise_error(error, address.host)
        raise OSError(error, os.strerror(error))


async def _connect_unix(sock: socket.socket, path: str) -> None:
    """Connect to a Unix socket. One whose queue is full refuses at once: try again, for as long as the probe may take."""
    while error := sock.connect_ex(path):
        if error != EAGAIN:
            raise OSError(error, os.strerror(error))
        await asyncio.sleep(NEXT_TRY)


async def _until_writable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    writable = asyncio.Event()
    loop.add_writer(sock, writable.set)
    try:
        await writable.wait()
    finally:
        loop.remove_writer(sock)


def _new_socket(address: Address) -> socket.socket:
    if address.is_unix:
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
