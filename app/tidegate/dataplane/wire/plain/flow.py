"""A flow: the common way of the bytes of one direction of a relay, one receive and one send per event."""

import os
import socket
from contextlib import suppress
from select import EPOLLERR as ERR
from select import EPOLLHUP as HUP
from select import EPOLLOUT as OUT
from select import EPOLLPRI as PRI
from select import EPOLLRDHUP as RDHUP
from typing import TYPE_CHECKING, Final

from tidegate.core.reasons import CloseReason
from tidegate.dataplane.wire.interface import BLOCKED, READING, SOURCE_ENDED, STOPPED, Direction, Owner
from tidegate.dataplane.wire.plain.sockets import set_option
from tidegate.link.sockets import borrowed

if TYPE_CHECKING:
    from tidegate.dataplane.wire.plain.loop import Loop

READ_ON: Final = RDHUP | HUP | ERR | PRI  # with these a short read need not be all, and no other event may tell of the rest
NODELAY_FROM: Final = 500  # bytes, less than a segment: of so many in a first send nothing waits for an acknowledgement


class Flow:
    """One direction of a relay. `Loop.flows` makes them, two at a time.

    `moved` counts all bytes, `spliced` those of them that were never copied. `short_reads_left` is 0 while the flow copies;
    else the direction splices. `broken` says that the connection of the source is gone; what the kernel still has of it is
    passed on.
    """

    __slots__ = (
        "_direction",
        "_loop",
        "_nagles",
        "_reports_end",
        "broken",
        "counted",
        "counted_spliced",
        "moved",
        "owner",
        "reasons",
        "reverse",
        "short_reads_left",
        "sink",
        "source",
        "spliced",
        "state",
    )

    def __init__(self, loop: "Loop", owner: Owner, source: int, sink: int, *, to_client: bool) -> None:
        self._loop, self.owner = loop, owner
        self.reasons = loop.to_client if to_client else loop.to_backend
        self.source, self.sink = source, sink
        self.reverse: Flow | None = None
        self._direction: Direction | None = None
        self._nagles, self._reports_end = not to_client, to_client
        self.moved = self.spliced = self.short_reads_left = 0
        self.counted = self.counted_spliced = 0  # of `moved` and `spliced`, what is on the board already
        self.state = READING
        self.broken = False

    @property
    def direction(self) -> Direction:
        """What does the uncommon, made when it is first needed."""
        if self._direction is None:
            self._direction = self._loop.direction_of(self)
        return self._direction

    def ready(self, events: int, /) -> None:
        """Something has changed at the source's socket, which is also the sink of the reverse flow."""
        reverse = self.reverse
        if events & OUT and reverse is not None and reverse.state == BLOCKED:
            reverse.direction.flush()
        if self.state != READING:
            self._ready_while_not_reading(events)
        elif events & ~OUT:
            hints = events & READ_ON
            if hints & PRI:
                self.direction.keep_urgent()
            if hints & ERR:
                self.direction.source_broke()
            else:
                self.move(hints, hints != 0)

    def failed(self) -> None:
        """A bug broke an event; what has been passed on is not known any more."""
        self.owner.end(CloseReason.ERROR)

    def move(self, hints: int, more: bool, /) -> None:  # noqa: FBT001  a keyword would cost more than the call
        """Move what one read gives. `hints` are the events that came with it; with `more` no event may tell of the rest."""
        loop = self._loop
        if (self.short_reads_left > 0 or loop.always_splices) and self.direction.splice():
            return
        try:
            size = os.readv(self.source, (loop.buffer,))
        except BlockingIOError:
            return
        except OSError:
            self.owner.end(self.reasons.source_broke)  # all that had come before has been passed on
            return
        if not size:
            self.end_source()
            return
        if self._nagles and (self.moved or size > NODELAY_FROM):
            self.send_without_delay()
        try:
            written = self._send(loop.buffer[:size], more=bool(hints & RDHUP))
        except OSError as error:
            self.direction.sink_broke(error.errno or 0)
            return
        self.moved += written
        if written == size < loop.little and (not more or hints == RDHUP):
            self.short_reads_left = 0
            if more:
                self.end_source()  # the end had come before the read, which has given all that was before the end
        else:
            unsent = bytes(loop.buffer[written:size])  # before anything else can use the buffer
            self.direction.go_on(size, unsent, hints, more)

    def end_source(self) -> None:
        """The source has ended: pass that on."""
        if self.broken:
            self.direction.source_ended()
            return
        self.state = SOURCE_ENDED
        reverse = self.reverse
        if reverse is not None and reverse.state == SOURCE_ENDED:
            self.owner.end(reverse.reasons.source_ended)  # closing the sockets passes this end on, too
            return
        try:
            with borrowed(self.sink) as sink:
                sink.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.direction.sink_broke(error.errno or 0)
            return
        if self._reports_end:
            self.owner.backend_ended()

    def send_without_delay(self) -> None:
        """Switch Nagle's algorithm off at the sink, unless that has been done."""
        if self._nagles:
            self._nagles = False
            with suppress(OSError):
                set_option(self.sink, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def give_up(self) -> None:
        """Drop what the sink has not taken, and read nothing more."""
        if self.state != SOURCE_ENDED:
            self.state = STOPPED
        if self._direction is not None:
            self._direction.release()

    def stop(self) -> None:
        """Forget everything; no event is worked off any more."""
        self.give_up()
        self.reverse = self._direction = None  # without the circles all are freed at once
        self.source = self.sink = -1

    def _ready_while_not_reading(self, events: int) -> None:
        if self.state >= SOURCE_ENDED:
            if events & ERR:
                self.owner.end(self.reasons.source_broke)
        elif events & ERR:
            self.direction.source_broke()
        elif events & PRI:
            self.direction.keep_urgent()

    def _send(self, data: memoryview, *, more: bool) -> int:
        """Send; with `more` the end that follows can travel with the last bytes, which saves both peers a segment."""
        try:
            if not more:
                return os.write(self.sink, data)
            with borrowed(self.sink) as sink:
                return sink.send(data, socket.MSG_MORE)
        except BlockingIOError:
            return 0
