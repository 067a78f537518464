"""Pipes that carry bytes from socket to socket inside the kernel, without a copy through this process.

A direction borrows a pipe for one turn and keeps it only while its sink does not take all that is in it, so a few pipes
serve many sessions, and what they can hold together is bounded. The more streams there are, the less each moves in a turn.
"""

import fcntl
import os
from contextlib import suppress
from errno import EACCES, EINVAL, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM
from pathlib import Path
from typing import Final

from tidegate.core.limits import MOST_PIPES
from tidegate.core.splice import SMALLEST_SHARE, share

LARGEST = Path("/proc/sys/fs/pipe-max-size")
SMALLEST: Final = SMALLEST_SHARE  # a pipe with less room moves no more in one turn than a copy does
REFUSALS = frozenset({EPERM, EACCES, ENOSYS, EINVAL, EOPNOTSUPP, ENOMEM})
"""Why the system would not splice, be it a filter on system calls or its want of memory; nothing has been moved then."""
NONBLOCK: Final = 0x02  # SPLICE_F_NONBLOCK of splice(2), for the pipe's side; the sockets are non-blocking themselves


class Pipe:
    """One pipe, and how many bytes it holds. It owns both descriptors."""

    __slots__ = ("_reading", "_writing", "filled", "room")

    def __init__(self, most: int) -> None:
        """Make room for as much as the system allows, up to so many bytes; raises OSError when that is too little."""
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.filled = 0
        self.room = _enlarge(self._writing, most)
        if self.room < SMALLEST:
            self.close()
            raise OSError(f"a pipe may have {self.room} bytes only")

    def fill(self, source: int, most: int) -> int:
        """Take at most so many bytes from a socket; raises OSError when it has taken none.

        0 need not be the end: see `Direction`.
        """
        self.filled = os.splice(source, self._writing, min(most, self.room), flags=NONBLOCK)
        return self.filled

    def empty(self, sink: int) -> int:
        """Give bytes to a socket, answering how many; raises OSError, BlockingIOError when it takes none."""
        written = os.splice(self._reading, sink, self.filled, flags=NONBLOCK)
        self.filled -= written
        return written

    def close(self) -> None:
        """Drop the pipe with what it holds."""
        os.close(self._reading)
        os.close(self._writing)


class Pipes:
    """The pipes of a worker: opened when needed, kept while they are in use, closed by `sweep` when they are not.

    `room` is how many bytes a stream may move in one turn, which depends on how many streams have spliced since the sweep
    before last. `sweeps` counts the sweeps, so that each of them is counted once.
    """

    def __init__(self, workers: int = 1) -> None:
        self._free: list[Pipe] = []
        self._open = 0
        self._idle = 0  # free ones that were not needed since the last sweep
        self._refused = False
        self._most_room = _largest()
        self._workers = workers
        self._streams = self._streams_before = 0  # since the last sweep, and between that and the one before
        self.sweeps = 0
        self._share_room()

    def take(self) -> Pipe | None:
        """An empty pipe, or None when there are enough, or the system has none to give or no splicing at all."""
        if self._refused:
            return None
        if self._free:
            pipe = self._free.pop()
            self._idle = min(self._idle, len(self._free))
            return pipe
        if self._open == MOST_PIPES:
            return None
        try:
            pipe = Pipe(self._most_room)
        except OSError:
            self.refuse()
            return None
        self._open += 1
        return pipe

    def give(self, pipe: Pipe) -> None:
        """Have a pipe back, empty or not."""
        if pipe.filled:
            pipe.close()
            self._open -= 1
        else:
            self._free.append(pipe)

    def count_stream(self) -> None:
        """One more stream splices."""
        self._streams += 1
        if self._streams > self._streams_before:
            self._share_room()

    def refuse(self) -> None:
        """Lend none until the next sweep: the system does not let us splice now."""
        self._refused = True

    def sweep(self) -> None:
        """Close pipes not needed since the last sweep, allow splicing again, and count the streams anew."""
        for pipe in self._free[: self._idle]:
            pipe.close()
        del self._free[: self._idle]
        self._open -= self._idle
        self._idle = len(self._free)
        self._refused = False
        self.sweeps += 1
        self._streams_before, self._streams = self._streams, 0
        self._share_room()

    def _share_room(self) -> None:
        self.room = share(max(self._streams, self._streams_before), self._workers, self._most_room)


def _largest() -> int:
    """The most room that a user without privileges may ask for; what every pipe has where the system does not say."""
    try:
        return int(LARGEST.read_text())
    except (OSError, ValueError):
        return SMALLEST


def _enlarge(pipe: int, size: int) -> int:
    """Make room for so many bytes or as many as the system allows; answers how many that is.

    Users without privileges get less once all their pipes together have reached a limit (pipe(7), `pipe-user-pages-soft`).
    """
    while size > SMALLEST:
        with suppress(OSError):
            return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)
        size //= 2
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
