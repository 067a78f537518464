"""One end of the link that receives a fuzzed stream, on a loop that a target turns by hand."""

import socket
from collections.abc import Callable

from tidegate.link.channel import Channel
from tidegate.link.messages import Message

BAD_LINE = (ValueError, KeyError, TypeError, AttributeError)
"""What a line raises that is no message: both ends run the same version, so that it is a programming error."""


class LoopByHand:
    """A loop that calls the reader when it is told to."""

    def __init__(self) -> None:
        self.reader: Callable[[], None] | None = None

    def call_soon(self, callback: Callable[[], None], /) -> None:
        """Call at once."""
        callback()

    def add_reader(self, _descriptor: int, callback: Callable[[], None], /) -> None:
        """Keep the reader."""
        self.reader = callback

    def remove_reader(self, _descriptor: int, /) -> None:
        """Forget the reader."""
        self.reader = None

    def add_writer(self, _descriptor: int, _callback: Callable[[], None], /) -> None:
        """Do nothing: this end sends nothing."""

    def remove_writer(self, _descriptor: int, /) -> None:
        """Do nothing."""


class End:
    """A channel, the messages that it has received, and how often it has ended."""

    def __init__(self, sock: socket.socket) -> None:
        self.messages: list[Message] = []
        self.ends = 0
        self._loop = LoopByHand()
        self.channel = Channel(self._loop, sock, self.messages.append, self._ended)

    def turn(self) -> None:
        """Receive what is there. A line that is no message ends the link."""
        if self._loop.reader is not None:
            try:
                self._loop.reader()
            except BAD_LINE:
                assert self.ends == 1

    def _ended(self) -> None:
        self.ends += 1
