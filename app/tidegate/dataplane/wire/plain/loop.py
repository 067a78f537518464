"""The loop: one epoll instance, and what handles the events of each descriptor."""

import os
import select
from collections.abc import Callable, Sequence
from math import ceil
from time import monotonic

from tidegate.dataplane.wire.interface import EDGES, Direction, Handler, Owner, Reasons
from tidegate.dataplane.wire.plain.flow import Flow
from tidegate.dataplane.wire.plain.sockets import Target, connect, let_end_in_order
from tidegate.link.sockets import NumberOption

BATCH = 256


class Loop:
    """Waits for events and hands each to the handler of its descriptor. `bug(handler)` is called when a handler raises.

    It owns the descriptors that it has opened or is told to close.
    """

    def __init__(self, bug: Callable[[Handler], None]) -> None:
        self._bug = bug
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._events: list[tuple[int, int]] = []
        self._to_close: list[int] = []
        self._working = False

    def configure(
        self,
        buffer_size: int,
        direction_of: Callable[[Flow], Direction],
        to_backend: Reasons,
        to_client: Reasons,
        *,
        always_splices: bool,
    ) -> None:
        """Say how flows copy, what does the uncommon for one, and the reasons that sessions end with."""
        self.buffer = memoryview(bytearray(buffer_size))
        self.little = buffer_size // 4
        self.direction_of = direction_of
        self.to_backend, self.to_client = to_backend, to_client
        self.always_splices = always_splices

    def register(self, descriptor: int, events: int, handler: Handler) -> None:
        """Watch a descriptor for these events; errors and hang-ups are always reported. Raises OSError."""
        self._epoll.register(descriptor, events)
        self._handlers[descriptor] = handler

    def modify(self, descriptor: int, events: int) -> None:
        """Watch a registered descriptor for other events. Raises OSError."""
        self._epoll.modify(descriptor, events)

    def unregister(self, descriptor: int) -> None:
        """Report nothing of a registered descriptor any more, not even errors. Raises OSError."""
        self._handlers.pop(descriptor, None)
        self._epoll.unregister(descriptor)

    def hand_over(self, descriptor: int, handler: Handler) -> None:
        """Report the events of a registered descriptor to another handler from now on."""
        self._handlers[descriptor] = handler

    def dial(self, target: Target, options: Sequence[NumberOption], handler: Handler) -> int:
        """Begin to connect: the descriptor, or the error number of connect(2), negative.

        The handler gets every change once. Until `close` is told otherwise, the connection ends with a reset. Raises OSError
        when the system has no socket to give, or cannot watch it.
        """
        descriptor = connect(target, options)
        if descriptor >= 0:
            try:
                self.register(descriptor, EDGES, handler)
            except OSError:
                os.close(descriptor)
                raise
        return descriptor

    def flows(self, owner: Owner, client: int, backend: int) -> tuple[Flow, Flow]:
        """The flow to the backend and the flow to the client. `backend` is of `dial`."""
        to_backend = Flow(self, owner, client, backend, to_client=False)
        to_client = Flow(self, owner, backend, client, to_client=True)
        to_backend.reverse, to_client.reverse = to_client, to_backend
        return to_backend, to_client

    def relay(self, to_backend: Flow, to_client: Flow) -> None:
        """Let both move from now on. Raises OSError when the client's socket cannot be watched.

        The client has often sent already, so its socket is read once before it is watched: watching begins with what is
        there. That read may be the end of the session.
        """
        client = to_backend.source
        self.hand_over(to_client.source, to_client)
        to_backend.move(0, False)
        if to_backend.reverse is not None:
            self.register(client, EDGES, to_backend)

    def end_in_order(self, to_backend: Flow, to_client: Flow) -> None:
        """Stop both flows and close both connections in order."""
        client, backend = to_backend.source, to_client.source
        try:
            to_backend.stop()
            to_client.stop()
        finally:
            self.close_in_order(client)
            self.close_in_order(backend)

    def close(self, descriptor: int) -> None:
        """Close a descriptor and forget it. A connection that `dial` or `accept` has opened ends with a reset.

        While a batch of events is being worked off it stays open until the end of that batch, so that no later event of
        the batch can meet a new socket with the same number.
        """
        self._handlers.pop(descriptor, None)
        if self._working:
            self._to_close.append(descriptor)
        else:
            os.close(descriptor)

    def close_in_order(self, descriptor: int) -> None:
        """Close a connection in that way, but let its peer get an end in place of a reset."""
        let_end_in_order(descriptor)
        self.close(descriptor)

    def wait(self, seconds: float) -> float:
        """Wait for a batch of events, at most so long, forever below 0; answers the time of the monotonic clock."""
        self._events = self._epoll.poll(-1 if seconds < 0 else ceil(min(seconds, 1e6) * 1000) / 1000, BATCH)
        return monotonic()

    def dispatch(self) -> None:
        """Hand out the events of that batch. What is closed from now on stays open until `finish`."""
        self._working = True
        for descriptor, events in self._events:
            handler = self._handlers.get(descriptor)
            if handler is None:
                continue  # closed earlier in this batch
            try:
                handler.ready(events)
            except Exception:  # noqa: BLE001
                self._bug(handler)

    def finish(self) -> None:
        """Close what was given up since `dispatch` began."""
        self._working = False
        for descriptor in self._to_close:
            os.close(descriptor)
        self._to_close.clear()

    def end(self) -> None:
        """Watch nothing any more. Descriptors still open belong to those who registered them."""
        self._epoll.close()
