"""Binds the listening sockets, and keeps them open in control so that a new worker can have them.

There is one TCP socket per address and worker. All workers have the same Unix socket.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidegate.core.address import Address
from tidegate.core.bind import Bind
from tidegate.core.listener_options import ListenerOptions
from tidegate.core.preface.routes import pools_of
from tidegate.core.unix_socket import path_of
from tidegate.link.sockets import BACKLOG, SESSION_OPTIONS, Option, alive_options, buffer_options

if TYPE_CHECKING:
    from tidegate.control.workers.socket_file import SocketFile


class CannotBindError(Exception):
    """An address cannot be listened on; the text says which and why."""


@dataclass(slots=True)
class BoundListener:
    """A listener's sockets: `sockets[worker]` has one per address. Owns them."""

    name: str
    pool: str
    slot: int
    options: ListenerOptions
    addresses: Sequence[Address]
    sockets: list[list[socket.socket]] = field(default_factory=list)
    files: "list[SocketFile]" = field(default_factory=list)

    def close(self) -> None:
        """Close control's copies; workers may still have theirs. Remove the files of Unix sockets.

        The files first: as long as its socket is open, no other file can have the identity of one.
        """
        for file in self.files:
            file.remove()
        self.files.clear()
        for group in self.sockets:
            for sock in group:
                sock.close()
        self.sockets.clear()

    def sockets_to_share(self, worker: int) -> list[socket.socket]:
        """The TCP sockets of a worker; every worker has the Unix sockets already."""
        return [sock for sock in self.sockets[worker] if sock.family != socket.AF_UNIX]

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that clients may be given to: the listener's own first, then those of its routes."""
        return pools_of(self.pool, self.options.routes)

    @property
    def bind(self) -> str:
        """The addresses as text."""
        return ", ".join(map(str, self.addresses))


def bind_listener(
    name: str, pool: str, slot: int, options: ListenerOptions, bind: Sequence[Bind], workers: int
) -> BoundListener:
    """Bind all sockets of a listener, for each worker one per address. Port 0 lets the system choose.

    Raises CannotBindError and leaves nothing open.
    """
    listener = BoundListener(name, pool, slot, options, [], [[] for _ in range(workers)])
    inherited = (*SESSION_OPTIONS, *buffer_options(options.connection), *alive_options(options.connection))
    addresses: list[Address] = []
    try:
        for wanted in bind:
            if wanted.address.is_unix:
                _bind_unix_socket(listener, wanted)
                addresses.append(wanted.address)
            else:
                addresses.append(_bind_for_each_worker(listener, wanted.address, inherited))
    except BaseException:
        listener.close()
        raise
    listener.addresses = addresses
    return listener


def bind_socket(address: Address, what: str, options: Sequence[Option] = (), *, shared: bool = False) -> socket.socket:
    """A listening TCP socket; accepted ones inherit the options, which saves system calls for each of them.

    With `shared`, several sockets of this process share the address (SO_REUSEPORT).
    """
    try:
        family, kind, protocol, _, sockaddr = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_bind(what, address, error) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address.host != "::")
        for option in options:
            sock.setsockopt(*option)
        sock.bind(sockaddr)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _cannot_bind(what, address, error) from error
    return sock


def refuse_taken(binds: Mapping[str, Sequence[Bind]]) -> None:
    """Raise CannotBindError when another process listens on an address: SO_REUSEPORT alone would let both share it.

    Binding a Unix socket detects this itself.
    """
    for name, bind in binds.items():
        for one in bind:
            if not one.address.is_unix:
                bind_socket(one.address, f"listener {name}").close()


def _bind_for_each_worker(listener: BoundListener, wanted: Address, options: Sequence[Option]) -> Address:
    """Bind an address once for each worker; answers it with the port that it has got."""
    address = wanted
    for group in listener.sockets:
        sock = bind_socket(address, f"listener {listener.name}", options, shared=True)
        group.append(sock)
        address = Address(*sock.getsockname()[:2])
    return address


def _bind_unix_socket(listener: BoundListener, bind: Bind) -> None:
    """Bind a Unix socket, and give it to all workers. What it accepts inherits nothing from it."""
    from tidegate.control.workers.socket_file import SocketFile  # noqa: PLC0415  most listeners have none

    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    for group in listener.sockets:
        group.append(sock)
    try:
        listener.files.append(SocketFile.listen(sock, path_of(bind.address.host), bind.mode, BACKLOG))
    except OSError as error:
        raise _cannot_bind(f"listener {listener.name}", bind.address, error) from error


def _cannot_bind(what: str, address: Address, error: OSError) -> CannotBindError:
    return CannotBindError(f"{what}: cannot listen on {address}: {error.strerror}")
