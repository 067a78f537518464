"""The loop: one epoll instance, and what handles the events of each descriptor."""

import enum
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


class Turn(enum.Enum):
    """Where a loop is with its batch of events."""

    IDLE = enum.auto()
    DISPATCHING = enum.auto()
    DISPATCHED = enum.auto()


class Loop:
    """Waits for events and hands each to the handler of its descriptor. `bug(handler)` is called when a handler raises.

    It owns the descriptors that it has opened or is told to close. `wait`, `dispatch` and `finish` are called in turn, and
    not by a handler: else they raise RuntimeError.
    """

    def __init__(self, bug: Callable[[Handler], None]) -> None:
        self._bug = bug
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._events: list[tuple[int, int]] = []
        self._to_close: list[int] = []
        self._turn = Turn.IDLE
        self.buffer = memoryview(b"")

    def configure(
        self,
        buffer_size: int,
        direction_of: Callable[[Flow], Direction],
        to_backend: Reasons,
        to_client: Reasons,
        *,
        always_splices: bool,
    ) -> None:
        """Say how flows copy, what does the uncommon for one, and the reasons that sessions end with.

        Raises ValueError for a buffer below 4 bytes.
        """
        if buffer_size < 4:
            raise ValueError("a buffer has at least 4 bytes")
        self.to_backend, self.to_client = Reasons(*to_backend), Reasons(*to_client)
        self.buffer = memoryview(bytearray(buffer_size))
        self.little = buffer_size // 4
        self.direction_of = direction_of
        self.always_splices = always_splices

    def register(self, descriptor: int, events: int, handler: Handler) -> None:
        """Watch a descriptor for these events; errors and hang-ups are always reported. Raises OSError."""
        _check(handler)
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
        """Report the events of a registered descriptor to another handler from now on. Raises ValueError for another."""
        _check(handler)
        if descriptor not in self._handlers:
            raise ValueError("not a registered descriptor")
        self._handlers[descriptor] = handler

    def dial(self, target: Target, options: Sequence[NumberOption], handler: Handler) -> int:
        """Begin to connect: the descriptor, or the error number of connect(2), negative.

        The handler gets every change once. Until `close` is told otherwise, the connection ends with a reset. Raises OSError
        when the system has no socket to give, or cannot watch it.
        """
        _check(handler)
        descriptor = connect(target, options)
        if descriptor >= 0:
            try:
                self.register(descriptor, EDGES, handler)
            except OSError:
                os.close(descriptor)
                raise
        return descriptor

    def flows(self, owner: Owner, client: int, backend: int) -> tuple[Flow, Flow]:
        """The flow to the backend and that to the client; `backend` is of `dial`. Raises ValueError before `configure`."""
        _check(owner)
        if not self.buffer:
            raise ValueError("not configured")
        if client < 0 or backend < 0:
            raise ValueError("not a descriptor")
        to_backend = Flow(self, owner, client, backend, to_client=False)
        to_client = Flow(self, owner, backend, client, to_client=True)
        to_backend.reverse, to_client.reverse = to_client, to_backend
        return to_backend, to_client

    def relay(self, to_backend: Flow, to_client: Flow) -> None:
        """Let both move from now on. Raises OSError when the client's socket cannot be watched, ValueError when that of the
        backend is not.

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
        the batch can meet a new socket with the same number. Raises ValueError below 0, and OSError for a descriptor that is
        not open, if need be by `finish`; two with neighbouring numbers are not looked at so closely.
        """
        if descriptor < 0:
            raise ValueError("not a descriptor")
        self._handlers.pop(descriptor, None)
        self._to_close.append(descriptor)
        if self._turn is Turn.IDLE:
            self._close_all()

    def close_in_order(self, descriptor: int) -> None:
        """Close a connection in that way, but let its peer get an end in place of a reset."""
        let_end_in_order(descriptor)
        self.close(descriptor)

    def wait(self, seconds: float) -> float:
        """Wait for a batch of events, at most so long, forever below 0; answers the time of the monotonic clock."""
        if self._turn is not Turn.IDLE:
            raise RuntimeError("the last batch is not finished")
        self._events = self._epoll.poll(-1 if seconds < 0 else ceil(min(seconds, 1e6) * 1000) / 1000, BATCH)
        return monotonic()

    def dispatch(self) -> None:
        """Hand out the events of that batch. What is closed from now on stays open until `finish`."""
        if self._turn is not Turn.IDLE:
            raise RuntimeError("the last batch is not finished")
        self._turn = Turn.DISPATCHING
        events, self._events = self._events, []
        try:
            for descriptor, bits in events:
                handler = self._handlers.get(descriptor)
                if handler is None:
                    continue  # closed earlier in this batch
                try:
                    handler.ready(bits)
                except Exception:  # noqa: BLE001
                    self._bug(handler)
        finally:
            self._turn = Turn.DISPATCHED

    def finish(self) -> None:
        """Close what was given up since `dispatch` began. Raises OSError when something of it was not open."""
        if self._turn is Turn.DISPATCHING:
            raise RuntimeError("the batch is not worked off")
        self._turn = Turn.IDLE
        self._close_all()

    def end(self) -> None:
        """Watch nothing any more. Descriptors still open belong to those who registered them."""
        self._epoll.close()

    def _close_all(self) -> None:
        descriptors, self._to_close = self._to_close, []
        not_open = None
        for descriptor in descriptors:
            try:
                os.close(descriptor)
            except OSError as error:
                not_open = error
        if not_open is not None:
            raise not_open


def _check(handler: object) -> None:
    if handler is None:
        raise TypeError("events need what handles them")
