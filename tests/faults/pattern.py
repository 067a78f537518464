"""Bytes that both peers know without keeping them: one long random text, read from a place that a number decides.

The text repeats after a prime number of bytes, so what is lost, doubled or swapped shows at once as other bytes, unless it
is a whole repetition, which shows in the length.
"""

import random
from typing import Final

PERIOD: Final = 1_048_583  # the first prime above one MiB
LONGEST: Final = 256 * 1024  # bytes that are sent or read at once
_TEXT: Final = random.Random(b"pattern").randbytes(PERIOD)
_TEXT_AND_MORE: Final = _TEXT + _TEXT[:LONGEST]  # a piece never has to be put together
_VIEW: Final = memoryview(_TEXT_AND_MORE)


class WrongBytesError(Exception):
    """A stream has other bytes than were sent."""


class Pattern:
    """One stream of which `position` bytes are done: `piece` is for who sends it, `check` for who receives it."""

    __slots__ = ("_start", "position")

    def __init__(self, number: int) -> None:
        self._start = number * 2_654_435_761 % PERIOD  # neighbours are far from each other
        self.position = 0

    def piece(self, size: int) -> memoryview:
        """The next bytes, at most `LONGEST`; who sends them moves `position` on."""
        place = (self._start + self.position) % PERIOD
        return _VIEW[place : place + size]

    def check(self, data: memoryview) -> None:
        """Compare the next bytes of the stream, or WrongBytesError."""
        if not _TEXT_AND_MORE.startswith(data, (self._start + self.position) % PERIOD):
            raise WrongBytesError(f"other bytes than were sent, from {self.position + self._difference(bytes(data))} on")
        self.position += len(data)

    def _difference(self, data: bytes) -> int:
        """Where the first wrong byte is."""
        expected = self.piece(len(data))
        return next(place for place, byte in enumerate(data) if byte != expected[place])
