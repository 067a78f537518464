"""Binds the listening sockets: one per address and worker, kept open by control so that a new worker can have them."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.core.address import Address
from tidegate.core.listener_options import ListenerOptions
from tidegate.core.preface.routes import pools_of
from tidegate.link.sockets import BACKLOG, SESSION_OPTIONS, Option, alive_options, buffer_options


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

    def close(self) -> None:
        """Close control's copies; workers may still have theirs."""
        for group in self.sockets:
            for sock in group:
                sock.close()
        self.sockets.clear()

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that clients may be given to: the listener's own first, then those of its routes."""
        return pools_of(self.pool, self.options.routes)

    @property
    def bind(self) -> str:
        """The addresses as text."""
        return ", ".join(map(str, self.addresses))


def bind_listener(
    name: str, pool: str, slot: int, options: ListenerOptions, bind: Sequence[Address], workers: int
) -> BoundListener:
    """Bind all sockets of a listener, one per address and worker. Port 0 lets the system choose.

    Raises CannotBindError and leaves nothing open.
    """
    listener = BoundListener(name, pool, slot, options, [], [[] for _ in range(workers)])
    inherited = (*SESSION_OPTIONS, *buffer_options(options.connection), *alive_options(options.connection))
    addresses: list[Address] = []
    try:
        for wanted in bind:
            address = wanted
            for group in listener.sockets:
                sock = bind_socket(address, f"listener {name}", inherited, shared=True)
                group.append(sock)
                address = Address(*sock.getsockname()[:2])
            addresses.append(address)
    except CannotBindError:
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
        raise CannotBindError(f"{what}: cannot listen on {address}: {error.strerror}") from error
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
        raise CannotBindError(f"{what}: cannot listen on {address}: {error.strerror}") from error
    return sock


def refuse_taken(binds: Mapping[str, Sequence[Address]]) -> None:
    """Raise CannotBindError when another process listens on an address: SO_REUSEPORT alone would let both share it."""
    for name, addresses in binds.items():
        for address in addresses:
            bind_socket(address, f"listener {name}").close()
