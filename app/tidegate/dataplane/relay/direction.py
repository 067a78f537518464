"""The relay: bytes from one socket to another, both ways, with half-close, backpressure and resets.

Sockets are watched edge-triggered, each registered once: an event says that something has changed, not that it is still so.
So a direction reads on until the kernel has said that there is no more, one read per turn so that all get their turn, and
a direction that is blocked goes on by itself once its sink has taken what is unsent.

When a connection breaks, by a reset or because its peer is gone, the direction that reads from it passes on what the kernel
has received before, and only then all ends; the direction that writes to it stops.

Each direction handles the socket that it reads; the owner gets one call, `end(reason)`. The relay closes nothing:
the owner stops both directions and then closes both sockets, after the call or instead of it.
"""

import socket
from contextlib import suppress
from errno import ENOTCONN, EPIPE
from typing import Final, NamedTuple, Protocol

from tidegate.core.reasons import CloseReason
from tidegate.dataplane.loop.handler import Handler
from tidegate.dataplane.loop.poller import EDGES, ERR, HUP, OUT, PRI, RDHUP
from tidegate.dataplane.relay.coalescing import Stream
from tidegate.dataplane.relay.context import RelayContext
from tidegate.dataplane.relay.last_bytes import LastBytes, unacknowledged
from tidegate.dataplane.relay.pacing import pace_less
from tidegate.dataplane.relay.pipes import REFUSALS, Pipe
from tidegate.link.sockets import URGENT_IN_STREAM

BUT_OUT: Final = ~OUT
READ_ON: Final = RDHUP | HUP | ERR | PRI  # with these a short read need not be all, and no other event may tell of the rest
MSG_MORE: Final = int(socket.MSG_MORE)
READS_AS_IT_WAS: Final = frozenset({EPIPE, ENOTCONN})  # after these errors of a write a read still tells an end from a break
CALM_AFTER: Final = 8  # short reads in a row after which a direction that splices copies again

READING: Final = 0  # the next event reads. The states are numbers, which cost a compiled module one comparison
BLOCKED: Final = 1  # the sink is full: once it has taken what is unsent, the direction reads on
NEXT_TURN: Final = 2  # it reads in the next turn, without an event
SOURCE_ENDED: Final = 3  # nothing more comes from the source
STOPPED: Final = 4  # it reads no more, and what the sink has not taken is dropped


class RelayOwner(Protocol):
    """What the relay reports to."""

    def backend_ended(self) -> None:
        """The backend has sent its end, and the client has not; it has been passed on."""

    def end(self, reason: CloseReason) -> None:
        """Both directions have ended, or one failed. No event follows."""


class CloseReasons(NamedTuple):
    """The reason that a session ends with when the source of a direction ends or breaks."""

    source_ended: CloseReason
    source_broke: CloseReason


TO_BACKEND: Final = CloseReasons(CloseReason.CLIENT_EOF, CloseReason.CLIENT_RESET)
TO_CLIENT: Final = CloseReasons(CloseReason.BACKEND_EOF, CloseReason.BACKEND_RESET)


class Direction(Handler):
    """Bytes one way, in one state. What the sink did not take is `_unsent`, or in `_pipe`: then the source is not read.

    One class for both ways: the interpreter is faster where it meets objects of one type only.
    """

    __slots__ = (
        "_context",
        "_cut",
        "_owner",
        "_pipe",
        "_short_reads_left",
        "_sink",
        "_source",
        "_stream",
        "_unsent",
        "_urgent",
        "broken",
        "moved",
        "reasons",
        "reverse",
        "spliced",
        "state",
    )
    __deletable__ = ("reverse",)  # compiled, an attribute must say that it can be deleted

    reverse: "Direction"

    def __init__(
        self,
        context: RelayContext,
        owner: RelayOwner,
        reasons: CloseReasons,
        source: socket.SocketType,
        sink: socket.SocketType,
    ) -> None:
        self._context, self._owner, self.reasons = context, owner, reasons
        self._source, self._sink = source, sink
        self.moved = 0
        self.spliced = 0  # of `moved`, what went through a pipe
        self.state = READING
        self.broken = False  # the source's connection is gone; what the kernel still has of it is passed on
        self._cut = False  # a write or a splice has taken the error of the source: a read gives an end in its place
        self._urgent = False  # a byte of urgent data has been reported, before which a pipe stops
        self._unsent = b""
        self._pipe: Pipe | None = None
        self._stream: Stream | None = None  # since it spliced for the first time
        self._short_reads_left = 0  # before it copies; 0 while it does

    def ready(self, events: int) -> None:
        """Something has changed at the source's socket, which is also the sink of the reverse direction."""
        if events & OUT and self.reverse.state == BLOCKED:
            self.reverse.flush()
        if self.state == READING:
            if events & BUT_OUT:
                hints = events & READ_ON
                if hints:
                    if hints & PRI:
                        self._keep_urgent()
                    if hints & ERR:
                        self.source_broke()
                        return
                self._move(hints, hints != 0)
        elif events & ERR:
            self.source_broke()
        elif events & PRI:
            self._keep_urgent()

    def flush(self) -> None:
        """Write what the sink did not take before."""
        if self._pipe:
            self._empty(self._pipe)
            return
        try:
            written = self._sink.send(self._unsent)
        except BlockingIOError:
            return
        except OSError as error:
            self._sink_broke(error)
            return
        self.moved += written
        self._unsent = self._unsent[written:]
        if not self._unsent:
            self._move_soon()

    def source_broke(self, *, cut: bool = False) -> None:
        """The source's connection is gone, as an event or a write to it has told: pass on what has come before, then end."""
        if self.state >= SOURCE_ENDED:
            self._owner.end(self.reasons.source_broke)
            return
        self._cut = self._cut or cut
        if not self.broken:
            self.broken = True
            self.reverse.give_up()
            LastBytes(self._context.poller, self.left, self.break_off)
        if self.state == READING:
            self._move_soon()

    def left(self) -> int:
        """Changes while the sink's peer takes bytes, which is long before there is room for more; 0 at the end."""
        return 0 if self.state == STOPPED else 1 + self.moved - unacknowledged(self._sink)

    def break_off(self) -> None:
        """Pass on nothing more: the sink takes too long."""
        if self.state != STOPPED:
            self._owner.end(self.reasons.source_broke)

    def stop(self) -> None:
        """Forget everything; no event is worked off any more."""
        self.give_up()
        del self.reverse  # the two know each other: without the circle both are freed at once

    def give_up(self) -> None:
        """Drop what the sink has not taken, and read nothing more."""
        if self.state != SOURCE_ENDED:
            self.state = STOPPED
        if self._pipe:
            self._context.pipes.give(self._pipe)
            self._pipe = None
        if self._stream:
            self._stream.stop()

    def failed(self) -> None:
        """A bug broke an event; what has been passed on is not known any more."""
        self._owner.end(CloseReason.ERROR)

    def _keep_urgent(self) -> None:
        """Let the next read give a byte of urgent data in its place. Sockets of clients do so from the beginning."""
        self._urgent = True
        self._source.setsockopt(*URGENT_IN_STREAM)

    def _move(self, hints: int, more: bool) -> None:  # noqa: FBT001  compiled, a keyword costs more than the call
        """Move what one read gives. `hints` are the events that came with it; with `more` no event may tell of the rest."""
        context = self._context
        if (self._short_reads_left > 0 or context.always_splices) and (pipe := context.pipes.take()) and self._splice(pipe):
            return
        try:
            size = self._source.recv_into(context.buffer)
        except BlockingIOError:
            return
        except OSError:
            self._owner.end(self.reasons.source_broke)  # all that had come before has been passed on
            return
        if not size:
            self._source_ended()
            return
        try:
            # The end that follows can travel with the last bytes, which saves both peers a segment.
            written = self._sink.send(context.buffer[:size], MSG_MORE if hints & RDHUP else 0)
        except BlockingIOError:
            written = 0
        except OSError as error:
            self._sink_broke(error)
            return
        self.moved += written
        if written == size < context.little and not more:
            self._short_reads_left = 0
        else:
            self._go_on(size, written, hints, more)

    def _go_on(self, size: int, written: int, hints: int, more: bool) -> None:  # noqa: FBT001
        """See to what a read and a write have left to do, and to how much the source gives at once."""
        context = self._context
        if size < context.little:
            self._short_reads_left = 0
        elif size == context.full:
            self._short_reads_left = context.short_reads_after_copy
            hints, more = 0, True  # they came before what is left to read
        if written != size:
            self._unsent = bytes(context.buffer[written:size])
            self.state = BLOCKED
        elif hints == RDHUP:
            self._source_ended()  # the end had come before the read, which has given all that was before the end
        elif hints & RDHUP:
            self._move(hints, more)  # the end of the source; at most what is behind an urgent byte comes before
        elif more:
            self._move_soon()

    def _splice(self, pipe: Pipe) -> bool:
        """Move what a pipe takes; False when that is nothing and a read must tell why: the source may have ended, or be
        before a byte of urgent data, or the system may not let us splice."""
        pipes = self._context.pipes
        try:
            size = pipe.fill(self._source, pipes.room)
        except BlockingIOError:
            pipes.give(pipe)
            urgent, self._urgent = self._urgent, False
            return not urgent
        except OSError as error:
            if error.errno not in REFUSALS:
                pipes.give(pipe)
                self.source_broke(cut=True)  # bytes behind an urgent one may follow
                return True
            pipes.refuse()
            size = 0
        if not size:
            pipes.give(pipe)
            return False
        self._pipe = pipe
        if size < self._context.little:
            self._short_reads_left -= 1
        else:
            self._short_reads_left = CALM_AFTER + 1
        stream = self._stream or self._begin_stream()
        if stream.sweep != pipes.sweeps:
            stream.sweep = pipes.sweeps
            pipes.count_stream()
        stream.took(size, self.reverse.moved)
        self._empty(pipe)
        return True

    def _begin_stream(self) -> Stream:
        pace_less(self._sink)
        self._stream = Stream(self._context.coalescing, self._source)
        return self._stream

    def _empty(self, pipe: Pipe) -> None:
        try:
            written = pipe.empty(self._sink)
        except BlockingIOError:
            written = 0
        except OSError as error:
            self._sink_broke(error)
            return
        self.moved += written
        self.spliced += written
        if pipe.filled:
            self.state = BLOCKED
            return
        self._context.pipes.give(pipe)
        self._pipe = None
        self._move_soon()

    def _move_soon(self) -> None:
        """Read without an event, after the other directions have had their turn."""
        self.state = NEXT_TURN
        self._context.poller.call_soon(self._next_turn, self.failed)

    def _next_turn(self) -> None:
        if self.state == NEXT_TURN:
            self.state = READING
            self._move(0, True)

    def _sink_broke(self, error: OSError) -> None:
        self.reverse.source_broke(cut=error.errno not in READS_AS_IT_WAS)

    def _source_ended(self) -> None:
        if self.broken:
            self._broken_source_ended()
            return
        self.state = SOURCE_ENDED
        if self.reverse.state == SOURCE_ENDED:
            self._owner.end(self.reverse.reasons.source_ended)  # closing the sockets passes this end on, too
            return
        try:
            self._sink.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._sink_broke(error)
            return
        if self.reasons is TO_CLIENT:
            self._owner.backend_ended()

    def _broken_source_ended(self) -> None:
        """All has been passed on; what is left is the end, if it came before the connection broke."""
        if not self._cut:
            with suppress(OSError):
                self._sink.shutdown(socket.SHUT_WR)
        self._owner.end(self.reasons.source_broke)


def relay(
    context: RelayContext, owner: RelayOwner, client: socket.SocketType, backend: socket.SocketType
) -> tuple[Direction, Direction]:
    """Begin; answers the way to the backend and the way to the client.

    The backend's socket is registered with the poller already, the client's is not.
    """
    to_backend = Direction(context, owner, TO_BACKEND, client, backend)
    to_client = Direction(context, owner, TO_CLIENT, backend, client)
    to_backend.reverse, to_client.reverse = to_client, to_backend
    context.poller.register(client.fileno(), EDGES, to_backend)
    context.poller.hand_over(backend.fileno(), to_client)
    return to_backend, to_client
