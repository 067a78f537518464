"""A loop of the wire with sockets, to call it wrongly."""

import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Final

from tidegate.core.reasons import CloseReason
from tidegate.dataplane.wire.interface import EDGES, Reasons

REASONS: Final = Reasons(CloseReason.CLIENT_EOF, CloseReason.CLIENT_RESET)
BUFFER: Final = 4096
HUGE: Final = 2**31 - 1  # the greatest number that a descriptor could have
BEYOND: Final = 2**80

Pair = tuple[socket.socket, socket.socket]


class Owner:
    """Of flows: notes how they end, and calls a function then."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.ends: list[CloseReason] = []
        self._then = then

    def backend_ended(self) -> None:
        self._then()

    def end(self, reason: CloseReason) -> None:
        self.ends.append(reason)
        self._then()


class Handler:
    """Calls a function with each event."""

    def __init__(self, ready: Callable[[int], object] = lambda _events: None) -> None:
        self.ready = ready

    def failed(self) -> None:
        pass


class Direction:
    """Does nothing; a function is called for all that is asked of it."""

    def __init__(self, asked: Callable[..., Any]) -> None:
        self._asked = asked

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments, **_: self._asked(name, *arguments)


class Bench:
    """A loop that is configured, and sockets for it; `bugs` are the exceptions of handlers."""

    def __init__(self, wire: Any, stack: ExitStack) -> None:
        self._stack = stack
        self.bugs: list[BaseException | None] = []
        self.asked: list[str] = []
        self.then: Callable[..., Any] = lambda *_: None
        self.loop = wire.Loop(lambda _handler: self.bugs.append(sys.exception()))
        self.loop.configure(BUFFER, self.direction, REASONS, REASONS, always_splices=False)
        stack.callback(self.loop.end)

    def direction(self, flow: Any) -> Direction:
        def asked(name: str, *arguments: Any) -> Any:
            self.asked.append(name)
            return self.then(flow, name, *arguments)

        return Direction(asked)

    def pair(self) -> Pair:
        """Two connected sockets that do not block, closed at the end."""
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
            self._stack.callback(close_if_open, sock)
        return ours, theirs

    def relay(self, owner: Any) -> tuple[Any, Any, socket.socket, socket.socket]:
        """Flows that move, and the sockets of the client and the backend at the other ends."""
        (client, outer), (backend, inner) = self.pair(), self.pair()
        self.loop.register(backend.fileno(), EDGES, Handler(lambda _events: None))
        flows = self.loop.flows(owner, client.fileno(), backend.fileno())
        self.loop.relay(*flows)
        return *flows, outer, inner

    def turn(self) -> None:
        """Work off what there is."""
        self.loop.wait(0)
        self.loop.dispatch()
        self.loop.finish()


def close_if_open(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.close()
