"""The relay: bytes from one socket to another, both ways, with half-close, backpressure and resets.

The owner gives two connected, non-blocking sockets and gets one call, `end(reason)`, from within an event, never
from `start`. The relay closes nothing: the owner closes both sockets, after the call or instead of it.
"""

import socket
from typing import ClassVar, Protocol

from app.core.reasons import CloseReason
from app.dataplane.poller import ERR, HUP, IN, OUT, Poller

UNWATCHED = 1 << 40  # in place of a mask; shares no bit with one


class Owner(Protocol):
    """Who is told that the relay has ended."""

    def end(self, reason: CloseReason) -> None:
        """Both directions have ended, or one failed. Called once; no event follows."""


class Direction:
    """Bytes one way. Keeps only what the sink did not take, at most one buffer; while it does, the source is not read."""

    __slots__ = ("ended", "mask", "moved", "sink", "source", "unsent")

    SOURCE_ENDED: ClassVar[CloseReason]
    SOURCE_FAILED: ClassVar[CloseReason]
    SINK_FAILED: ClassVar[CloseReason]

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.mask = IN  # the events that the source's socket is watched for; 0 and UNWATCHED differ
        self.moved = 0
        self.unsent: bytes | None = None
        self.ended = False

    def receive(self, buffer: memoryview) -> CloseReason | None:
        """Move what one read gives; only called while nothing is unsent. Answers why the session must be reset, or None."""
        try:
            size = self.source.recv_into(buffer)
        except BlockingIOError:
            return None
        except OSError:
            return self.SOURCE_FAILED
        if not size:
            return self._pass_end_on()
        try:
            written = self.sink.send(buffer[:size])
        except BlockingIOError:
            written = 0
        except OSError:
            return self.SINK_FAILED
        self.moved += written
        if written != size:
            self.unsent = bytes(buffer[written:size])
        return None

    def flush(self) -> CloseReason | None:
        """Write what is unsent. Answers as `receive` does."""
        if self.unsent is None:
            return None
        try:
            written = self.sink.send(self.unsent)
        except BlockingIOError:
            return None
        except OSError:
            return self.SINK_FAILED
        self.moved += written
        self.unsent = self.unsent[written:] or None
        return None

    def _pass_end_on(self) -> CloseReason | None:
        self.ended = True
        try:
            self.sink.shutdown(socket.SHUT_WR)
        except OSError:
            return self.SINK_FAILED
        return None


class ToBackend(Direction):
    """What the client sends."""

    __slots__ = ()
    SOURCE_ENDED = CloseReason.CLIENT_EOF
    SOURCE_FAILED = CloseReason.CLIENT_RESET
    SINK_FAILED = CloseReason.BACKEND_RESET


class ToClient(Direction):
    """What the backend sends."""

    __slots__ = ()
    SOURCE_ENDED = CloseReason.BACKEND_EOF
    SOURCE_FAILED = CloseReason.BACKEND_RESET
    SINK_FAILED = CloseReason.CLIENT_RESET


class Relay:
    """Two directions between a client and a backend. Backpressure is a mask: a side is not read while its sink is full."""

    __slots__ = ("_buffer", "_first_end", "_owner", "_poller", "to_backend", "to_client")

    def __init__(self, poller: Poller, buffer: memoryview, owner: Owner) -> None:
        self._poller, self._buffer, self._owner = poller, buffer, owner
        self._first_end: CloseReason | None = None

    def start(self, client: socket.socket, backend: socket.socket) -> None:
        """Begin. The backend's socket is registered with the poller already, the client's is not."""
        self.to_backend = ToBackend(client, backend)
        self.to_client = ToClient(backend, client)
        self._poller.register(client.fileno(), IN, self._client_ready)
        self._poller.hand_over(backend.fileno(), IN, self._backend_ready)

    def failed(self) -> None:
        """A bug broke an event; what has been passed on is not known any more."""
        self._owner.end(CloseReason.ERROR)

    def _client_ready(self, events: int) -> None:
        self._ready(events, self.to_backend, self.to_client)

    def _backend_ready(self, events: int) -> None:
        self._ready(events, self.to_client, self.to_backend)

    def _ready(self, events: int, inward: Direction, outward: Direction) -> None:
        """Work off the events of one socket: `inward` reads from it, `outward` writes to it."""
        reason = outward.flush() if events & OUT else None
        if reason is None and events & ~OUT:
            if inward.mask & IN:
                reason = inward.receive(self._buffer)
                if reason is None and not events & OUT and inward.unsent is None and not inward.ended:
                    return  # nothing but bytes has changed
            elif events & ERR:
                reason = inward.SOURCE_FAILED
            elif events & HUP:
                self._unwatch(inward)
        if reason is None:
            reason = self._clean_end(inward)
        if reason is None:
            self._watch(inward, outward)
            self._watch(outward, inward)
        else:
            self._owner.end(reason)

    def _clean_end(self, inward: Direction) -> CloseReason | None:
        if inward.ended and self._first_end is None:
            self._first_end = inward.SOURCE_ENDED
        up, down = self.to_backend, self.to_client
        done = up.ended and down.ended and up.unsent is None and down.unsent is None
        return self._first_end if done else None

    def _watch(self, inward: Direction, outward: Direction) -> None:
        """Set the mask of the socket that `inward` reads and `outward` writes."""
        mask = 0 if inward.ended or inward.unsent is not None else IN
        if outward.unsent is not None:
            mask |= OUT
        if inward.mask == UNWATCHED and mask:
            self._poller.resume(inward.source.fileno(), mask)
            inward.mask = mask
        elif inward.mask not in (UNWATCHED, mask):
            self._poller.modify(inward.source.fileno(), mask)
            inward.mask = mask

    def _unwatch(self, inward: Direction) -> None:
        """Leave a socket alone that has hung up while its data cannot be passed on: epoll would report it for ever."""
        self._poller.pause(inward.source.fileno())
        inward.mask = UNWATCHED
