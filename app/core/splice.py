"""When a worker lets the kernel carry bytes from socket to socket (splice(2)) instead of copying them."""

from enum import StrEnum


class Splice(StrEnum):
    """ADAPTIVE splices in a direction while it keeps filling the buffer; the others are for comparison and diagnosis."""

    ADAPTIVE = "adaptive"
    ALWAYS = "always"
    NEVER = "never"
