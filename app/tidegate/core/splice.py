"""When a worker lets the kernel carry bytes from socket to socket (splice(2)) instead of copying them,
and how many at once.
"""

from enum import StrEnum


class Splice(StrEnum):
    """ADAPTIVE splices in a direction while it keeps filling the buffer; the others are for comparison and diagnosis."""

    ADAPTIVE = "adaptive"
    ALWAYS = "always"
    NEVER = "never"


SMALLEST_SHARE = 64 * 1024  # what a copy moves by default
FEW_STREAMS = 8  # of all workers together


def share(streams: int, workers: int, largest: int) -> int:
    """The bytes that each of so many streams of a worker may move at once; `largest` is what a pipe holds.

    The kernel lets the receive buffer of a stream grow with what is read at once, up to 32 MB by default, and the send
    buffer behind it fills. So few streams move much at once, and from four times as many on they hold no more than if they
    were copied.
    """
    few = max(1, FEW_STREAMS // workers)
    if streams <= few:
        return largest
    return min(largest, max(SMALLEST_SHARE, largest * few**2 // streams**2))
