"""The uncommon way of a byte: a sink that is full, a stream that is spliced, urgent data, a connection that breaks.

The common way is the flow of the wire, which makes a direction when it first needs one. Sockets are watched edge-triggered,
each registered once: an event says that something has changed, not that it is still so. So a flow reads on until the kernel
has said that there is no more, one read per turn so that all get their turn, and a flow that is blocked goes on by itself
once its sink has taken what is unsent.

When a connection breaks, by a reset or because its peer is gone, the flow that reads from it passes on what the kernel has
received before, and only then all ends; the flow that writes to it stops.

Each flow handles the socket that it reads; its owner gets one call, `end(reason)`. The relay closes nothing: the owner stops
both flows and then closes both sockets, after the call or instead of it.
"""

import socket
from contextlib import suppress
from errno import EAGAIN, ENOTCONN, EPIPE
from typing import TYPE_CHECKING, Final

from tidegate.dataplane.loop.poller import RDHUP
from tidegate.dataplane.relay.coalescing import Stream
from tidegate.dataplane.relay.last_bytes import LastBytes, unacknowledged
from tidegate.dataplane.relay.pacing import pace_less
from tidegate.dataplane.relay.pipes import REFUSALS, Pipe
from tidegate.dataplane.wire import Flow, send, set_option
from tidegate.dataplane.wire.interface import BLOCKED, NEXT_TURN, READING, SOURCE_ENDED, STOPPED
from tidegate.link.sockets import URGENT_IN_STREAM, borrowed

if TYPE_CHECKING:
    from tidegate.dataplane.relay.context import RelayContext

READS_AS_IT_WAS: Final = frozenset({EPIPE, ENOTCONN})  # after these errors of a write a read still tells an end from a break
CALM_AFTER: Final = 8  # short reads in a row after which a direction that splices copies again


class Direction:
    """The uncommon for one flow. What the sink did not take is `_unsent`, or in `_pipe`: then the source is not read."""

    __slots__ = ("_context", "_cut", "_flow", "_pipe", "_stream", "_unsent", "_urgent")

    def __init__(self, context: "RelayContext", flow: Flow) -> None:
        self._context, self._flow = context, flow
        self._cut = False  # a write or a splice has taken the error of the source: a read gives an end in its place
        self._urgent = False  # a byte of urgent data has been reported, before which a pipe stops
        self._unsent = b""
        self._pipe: Pipe | None = None
        self._stream: Stream | None = None  # since it spliced for the first time

    def flush(self) -> None:
        """Write what the sink did not take before."""
        if self._pipe:
            self._empty(self._pipe)
            return
        flow = self._flow
        written = send(flow.sink, self._unsent)
        if written < 0:
            if written != -EAGAIN:
                self.sink_broke(-written)
            return
        flow.moved += written
        self._unsent = self._unsent[written:]
        if not self._unsent:
            self._move_soon()

    def source_broke(self, *, cut: bool = False) -> None:
        """The source's connection is gone, as an event or a write to it has told: pass on what has come before, then end."""
        flow = self._flow
        if flow.state >= SOURCE_ENDED:
            flow.owner.end(flow.reasons.source_broke)
            return
        self._cut = self._cut or cut
        if not flow.broken:
            flow.broken = True
            self.keep_urgent()  # no event that tells of it need come before the read
            if flow.reverse is not None:
                flow.reverse.give_up()
            LastBytes(self._context.poller, self.left, self.break_off)
        if flow.state == READING:
            self._move_soon()

    def left(self) -> int:
        """Changes while the sink's peer takes bytes, which is long before there is room for more; 0 at the end."""
        flow = self._flow
        return 0 if flow.state == STOPPED or flow.sink < 0 else 1 + flow.moved - unacknowledged(flow.sink)

    def break_off(self) -> None:
        """Pass on nothing more: the sink takes too long."""
        flow = self._flow
        if flow.state != STOPPED:
            flow.owner.end(flow.reasons.source_broke)

    def release(self) -> None:
        """Give back all that is held; what the sink has not taken is dropped."""
        if self._pipe:
            self._context.pipes.give(self._pipe)
            self._pipe = None
        if self._stream:
            self._stream.stop()

    def keep_urgent(self) -> None:
        """Let the next read give a byte of urgent data in its place. Sockets of clients do so from the beginning."""
        self._urgent = True
        set_option(self._flow.source, *URGENT_IN_STREAM)

    def go_on(self, size: int, unsent: bytes, hints: int, more: bool) -> None:  # noqa: FBT001  as the wire calls it
        """See to what a read and a write have left to do, and to how much the source gives at once."""
        context, flow = self._context, self._flow
        if size < context.little:
            flow.short_reads_left = 0
        elif size == context.full:
            flow.short_reads_left = context.short_reads_after_copy
            hints, more = 0, True  # they came before what is left to read
        if unsent:
            flow.send_without_delay()
            self._unsent = unsent
            flow.state = BLOCKED
        elif hints == RDHUP:
            flow.end_source()  # the end had come before the read, which has given all that was before the end
        elif hints & RDHUP:
            flow.move(hints, more)  # the end of the source; at most what is behind an urgent byte comes before
        elif more:
            self._move_soon()

    def splice(self) -> bool:
        """Move what a pipe takes; answers False when that is nothing and a read must tell why: the source may have ended, or
        be before a byte of urgent data, or the system may not let us splice."""
        pipes, flow = self._context.pipes, self._flow
        pipe = pipes.take()
        if pipe is None:
            return False
        try:
            size = pipe.fill(flow.source, pipes.room)
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
            flow.short_reads_left -= 1
        else:
            flow.short_reads_left = CALM_AFTER + 1
        stream = self._stream or self._begin_stream()
        if stream.sweep != pipes.sweeps:
            stream.sweep = pipes.sweeps
            pipes.count_stream()
        stream.took(size, flow.reverse.moved if flow.reverse is not None else 0)
        self._empty(pipe)
        return True

    def sink_broke(self, error: int) -> None:
        """A write has failed with this error number: the connection that the reverse flow reads from is gone."""
        reverse = self._flow.reverse
        if reverse is not None:
            reverse.direction.source_broke(cut=error not in READS_AS_IT_WAS)

    def source_ended(self) -> None:
        """All that came before the break has been passed on; what is left is the end, if it came before, too."""
        flow = self._flow
        if not self._cut:
            with suppress(OSError), borrowed(flow.sink) as sink:
                sink.shutdown(socket.SHUT_WR)
        flow.owner.end(flow.reasons.source_broke)

    def _begin_stream(self) -> Stream:
        flow = self._flow
        flow.send_without_delay()
        pace_less(flow.sink)
        self._stream = Stream(self._context.coalescing, flow.source)
        return self._stream

    def _empty(self, pipe: Pipe) -> None:
        flow = self._flow
        try:
            written = pipe.empty(flow.sink)
        except BlockingIOError:
            written = 0
        except OSError as error:
            self.sink_broke(error.errno or 0)
            return
        flow.moved += written
        flow.spliced += written
        if pipe.filled:
            flow.state = BLOCKED
            return
        self._context.pipes.give(pipe)
        self._pipe = None
        self._move_soon()

    def _move_soon(self) -> None:
        """Read without an event, after the other flows have had their turn."""
        self._flow.state = NEXT_TURN
        self._context.poller.call_soon(self._next_turn, self._flow.failed)

    def _next_turn(self) -> None:
        flow = self._flow
        if flow.state == NEXT_TURN:
            flow.state = READING
            flow.move(0, True)
