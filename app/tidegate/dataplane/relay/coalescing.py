"""Fast streams, whose bytes are collected so that each turn moves many, as a network card coalesces its interrupts.

A peer that sends as fast as it can wakes the worker for every 64 KB, and waking is most of what that costs. So the kernel is
told to report a stream only when as much has come as it may move in a turn (SO_RCVLOWAT of socket(7)). Less than that waits
no longer than two ticks: then the kernel is told to report it after all, which it does at once since Linux 4.18. Errors,
ends and urgent data it always reports.
"""

import socket
from time import monotonic
from typing import Final

from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.relay.pipes import Pipes
from tidegate.dataplane.wire import set_option

TICK: Final = 0.002  # seconds
FAST_BYTES: Final = 4 * 1024 * 1024  # so many within FAST_SECONDS are a fast stream
FAST_SECONDS: Final = 0.1


class Coalescing:
    """The streams of a worker that the kernel reports only when many bytes have arrived."""

    def __init__(self, poller: Poller, pipes: Pipes) -> None:
        self._poller, self._pipes = poller, pipes
        self._much = pipes.room  # at the last tick
        self._waiting: dict[Stream, int] = {}  # what each had taken at the last tick
        self._ticks = False

    def begin(self, stream: "Stream") -> None:
        """Let a stream wait for much, if it does not yet."""
        if stream in self._waiting:
            return
        stream.wait_for(self._pipes.room)
        self._waiting[stream] = stream.taken
        if not self._ticks:
            self._tick_later()

    def end(self, stream: "Stream") -> None:
        """Let it wait no more, if it does."""
        if self._waiting.pop(stream, None) is not None:
            stream.wait_for(1)

    def forget(self, stream: "Stream") -> None:
        """A stream has ended."""
        self._waiting.pop(stream, None)

    def _tick_later(self) -> None:
        self._ticks = bool(self._waiting)
        if self._ticks:
            self._poller.call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._tick_later()
        before, self._much = self._much, self._pipes.room
        for stream, taken in list(self._waiting.items()):
            if stream.taken == taken or before != self._much:
                self.end(stream)
            else:
                self._waiting[stream] = stream.taken


class Stream:
    """What is spliced from one socket, and whether it is a fast stream one way.

    It counts as fast only while the other direction is silent: a request of less than FAST_BYTES and its answer never wait.
    """

    __slots__ = ("_answered", "_coalescing", "_is_fast", "_run_began", "_run_from", "_source", "sweep", "taken")

    def __init__(self, coalescing: Coalescing, source: int) -> None:
        self._coalescing = coalescing
        self._source = source
        self.taken = 0
        self.sweep = -1  # the last one before which it was counted
        self._answered = 0
        self._is_fast = False
        self._begin_run()

    def took(self, size: int, answered: int) -> None:
        """So many bytes have been taken at once; `answered` are all that have gone the other way so far."""
        self.taken += size
        if answered != self._answered:
            self._answered = answered
            self._is_fast = False
            self._begin_run()
            self._coalescing.end(self)
        elif self.taken - self._run_from >= FAST_BYTES:
            self._is_fast = monotonic() - self._run_began <= FAST_SECONDS
            self._begin_run()
        if self._is_fast:
            self._coalescing.begin(self)

    def wait_for(self, size: int) -> None:
        """Have the kernel report so many bytes or more; if they are there, it does so now."""
        set_option(self._source, socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)

    def stop(self) -> None:
        """Nothing more is taken."""
        self._coalescing.forget(self)

    def _begin_run(self) -> None:
        self._run_from, self._run_began = self.taken, monotonic()
