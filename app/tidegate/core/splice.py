"""When a worker splices bytes between sockets in the kernel (splice(2)) instead of copying them, and how many at once."""

from enum import StrEnum


class Splice(StrEnum):
    """ADAPTIVE splices a direction while it keeps filling the buffer; the others are for comparison and diagnosis."""

    ADAPTIVE = "adaptive"
    ALWAYS = "always"
    NEVER = "never"


SMALLEST_SHARE = 64 * 1024  # bytes; the default size of a copy
FEW_STREAMS = 8  # over all workers


def share(streams: int, workers: int, largest: int) -> int:
    """The bytes that each of a worker's `streams` may move at once; `largest` is the capacity of a pipe.

    The kernel grows a stream's receive buffer with the size of the reads, up to 32 MB by default, and the send buffer behind
    it fills. So a few streams move much at once; from four times as many on, they hold no more than copying would.
    """
    few = max(1, FEW_STREAMS // workers)
    if streams <= few:
        return largest
    return min(largest, max(SMALLEST_SHARE, largest * few**2 // streams**2))
