"""How long a closed session waits until its peer has acknowledged the last bytes, so that a reset does not overtake them.

A close that resets throws away what the peer's kernel has not acknowledged yet. So a socket that is to be reset stays open
until its peer has everything, for as long as bytes keep moving. Nothing of this exists for a session that ends in order.
"""

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from termios import TIOCOUTQ
from time import monotonic
from typing import Final

from tidegate.dataplane.loop.poller import ERR, HUP, Poller
from tidegate.link.sockets import borrowed

STALLED: Final = 5.0  # seconds, as all here, in which no byte has moved
LONGEST: Final = 120.0  # a send buffer of 4 MiB, the largest by default, takes that long at 35 KB/s
FIRST_LOOK: Final = 0.005
RAREST_LOOK: Final = 0.32
TCP_CLOSE: Final = 7  # the first byte of TCP_INFO when the peer has reset the connection, or is gone


class LastBytes:
    """One wait: `left()` changes while bytes move. When it is 0, or the same for too long, `over()` ends what waits."""

    __slots__ = ("_left", "_moved_at", "_over", "_pause", "_poller", "_seen", "_until")

    def __init__(self, poller: Poller, left: Callable[[], int], over: Callable[[], None]) -> None:
        self._poller, self._left, self._over = poller, left, over
        self._seen = left()
        self._moved_at = monotonic()
        self._until = self._moved_at + LONGEST
        self._pause = FIRST_LOOK
        poller.call_later(self._pause, self._look, over)

    def _look(self) -> None:
        left, now = self._left(), monotonic()
        if left != self._seen:
            self._seen, self._moved_at = left, now
        if not left or now >= min(self._moved_at + STALLED, self._until):
            self._over()
            return
        self._pause = min(2 * self._pause, RAREST_LOOK)
        self._poller.call_later(self._pause, self._look, self._over)


class Lingering:
    """The sockets of a worker that are reset once their peers have everything. It owns them.

    `sockets` has them in the order in which they came. Beyond `most` of them, the one that has waited longest is reset.
    """

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._emptied: Callable[[], None] | None = None
        self.sockets: dict[LingeringSocket, None] = {}
        self.most = 2

    def close(self, descriptor: int) -> None:
        """Reset a registered connection: now, or when what was sent has arrived."""
        if unacknowledged(descriptor):
            if len(self.sockets) >= self.most:
                next(iter(self.sockets)).close()
            self._linger(descriptor)
        else:
            self._poller.loop.close(descriptor)

    def _linger(self, descriptor: int) -> None:
        """Let it wait; if that fails, as without memory, reset it now."""
        try:
            sock = LingeringSocket(self._poller, self, descriptor)
            self.sockets[sock] = None
        except Exception:
            self._poller.loop.close(descriptor)
            raise
        try:
            sock.begin()
        except Exception:
            sock.close()
            raise

    def closed(self, sock: "LingeringSocket") -> None:
        """One of them has been reset."""
        del self.sockets[sock]
        if self._emptied and not self.sockets:
            self._emptied()

    def when_empty(self, callback: Callable[[], None], *, within: float) -> None:
        """Call once none is left, or after so many seconds."""
        if self.sockets:
            self._emptied = callback
            self._poller.call_later(within, callback)
        else:
            callback()


class LingeringSocket:
    """One of them. Nothing is read from it: its peer's other half has nowhere to go."""

    __slots__ = ("_descriptor", "_lingering", "_poller")

    def __init__(self, poller: Poller, lingering: Lingering, descriptor: int) -> None:
        self._poller, self._lingering = poller, lingering
        self._descriptor = descriptor  # -1 once it is closed

    def begin(self) -> None:
        """Wait from now on."""
        self._poller.loop.hand_over(self._descriptor, self)
        LastBytes(self._poller, self.left, self.close)

    def left(self) -> int:
        """Bytes that may still arrive."""
        return unacknowledged(self._descriptor) if self._descriptor >= 0 else 0

    def ready(self, events: int) -> None:
        """Something has changed; the peer may have reset it meanwhile."""
        if events & (ERR | HUP) and not self.left():
            self.close()

    def close(self) -> None:
        """Reset it, whatever is left."""
        if self._descriptor >= 0:
            self._poller.loop.close(self._descriptor)
            self._descriptor = -1
            self._lingering.closed(self)

    def failed(self) -> None:
        """A bug broke an event."""
        self.close()


def unacknowledged(descriptor: int) -> int:
    """Bytes that have been sent and may still arrive, the end of the stream counted as one.

    Of a Unix socket, which has no way in between, these are the bytes that its peer has not read; 0 when the peer is gone.
    """
    with suppress(OSError):
        left = int.from_bytes(ioctl(descriptor, TIOCOUTQ, bytes(4)), sys.byteorder)
        if left:
            with borrowed(descriptor) as sock:
                if sock.family == socket.AF_UNIX:
                    return left
                return 0 if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE else left
    return 0
