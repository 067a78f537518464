"""Writing to a descriptor that other processes share, without a wait and without changing it for them.

Room that poll(2) sees may be taken by another process before it is used, and O_NONBLOCK would hold for all who share the
open file. So each kind of file is told not to wait in its own way.
"""

import os
import select
import socket
import stat
from typing import Protocol

BLOCK_SIZE = 64 * 1024
SPLICE_NONBLOCK = 2  # SPLICE_F_NONBLOCK of splice(2)


class Output(Protocol):
    """Takes blocks of at most `block_size` bytes."""

    block_size: int

    def put(self, block: memoryview) -> int:
        """Write some of it and answer how much; raises BlockingIOError when the reader has to be waited for.

        After that the same block must be put again. Raises OSError when the reader has gone.
        """


class PipeOutput:
    """Blocks of up to PIPE_BUF bytes, which the system never tears.

    A block is written to a pipe of its own, and spliced from there in one piece: splice(2) can be told not to wait.
    """

    block_size = select.PIPE_BUF

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._from, self._into = os.pipe()
        self._held = 0

    def __del__(self) -> None:
        os.close(self._from)
        os.close(self._into)

    def put(self, block: memoryview) -> int:
        """Write as much as fits into one piece."""
        if not self._held:
            self._held = os.write(self._into, block[: self.block_size])
        try:
            moved = os.splice(self._from, self._descriptor, self._held, flags=SPLICE_NONBLOCK)
        except BlockingIOError:
            raise
        except OSError:
            os.read(self._from, self._held)
            self._held = 0
            raise
        self._held -= moved
        return moved


class SocketOutput:
    """A stream socket, as a service manager may give."""

    block_size = BLOCK_SIZE

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))

    def __del__(self) -> None:
        self._socket.close()

    def put(self, block: memoryview) -> int:
        """Write what there is room for."""
        return self._socket.send(block, socket.MSG_DONTWAIT)


class FileOutput:
    """A file, which never waits, or a terminal, opened once more so that it does not either."""

    block_size = BLOCK_SIZE

    def __init__(self, descriptor: int, *, is_device: bool) -> None:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            self._descriptor = os.open(f"/proc/self/fd/{descriptor}", flags) if is_device else os.dup(descriptor)
        except OSError:
            self._descriptor = os.dup(descriptor)  # the terminal of another user: it can be written to, not opened

    def __del__(self) -> None:
        os.close(self._descriptor)

    def put(self, block: memoryview) -> int:
        """Write it."""
        return os.write(self._descriptor, block)


def output_to(descriptor: int) -> Output:
    """The output for this descriptor, which stays open and belongs to the caller."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode):
        return PipeOutput(descriptor)
    if stat.S_ISSOCK(mode):
        return SocketOutput(descriptor)
    return FileOutput(descriptor, is_device=stat.S_ISCHR(mode))
