"""Writes to a descriptor that other processes share, without blocking and without changing it for them.

Polling is not enough: another process may take the room before the write. O_NONBLOCK would apply to every process that
shares the open file. So each kind of file has its own way of writing without blocking.
"""

import fcntl
import os
import select
import socket
import stat
from errno import EACCES, EAGAIN, EDQUOT, EFBIG, ENOSPC
from typing import Protocol

BLOCK_SIZE = 64 * 1024
NO_ROOM = frozenset({ENOSPC, EDQUOT, EFBIG})
LOCKED_BY_ANOTHER = frozenset({EACCES, EAGAIN})  # POSIX allows either
SPLICE_NONBLOCK = 2  # SPLICE_F_NONBLOCK of splice(2)


class Output(Protocol):
    """A descriptor that takes blocks of at most `block_size` bytes."""

    block_size: int

    def put(self, block: memoryview) -> int:
        """Write a part of the block and return the number of bytes written.

        Raises BlockingIOError when there is no room now; the same block must then be put again. Raises OSError when the
        block cannot be written, as when the reader has closed.
        """


class PipeOutput:
    """A pipe, written in blocks of up to PIPE_BUF bytes, which the kernel never splits.

    A block is written to a private pipe first, and spliced from there in one piece, because splice(2) has a flag not to
    block.
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
        """Write at most `block_size` bytes in one piece."""
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
    """A stream socket, which a service manager may pass as standard output."""

    block_size = BLOCK_SIZE

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))

    def __del__(self) -> None:
        self._socket.close()

    def put(self, block: memoryview) -> int:
        """Send as much as there is room for."""
        return self._socket.send(block, socket.MSG_DONTWAIT)


class FileOutput:
    """A file. It never blocks, but its disk may be full, and then there is no room now.

    Of a block, a disk that is almost full takes a part. A process that has written a part keeps the file locked until the
    rest has been written, so that no line is torn.
    """

    block_size = BLOCK_SIZE

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        self._holds_part = False

    def __del__(self) -> None:
        os.close(self._descriptor)

    def put(self, block: memoryview) -> int:
        """Write the block, or the part of it that there is room for."""
        self._set_lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            written = os.write(self._descriptor, block)
            self._holds_part = written < len(block)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise BlockingIOError from None
            self._holds_part = False  # the rest is dropped
            raise
        finally:
            if not self._holds_part:
                self._set_lock(fcntl.LOCK_UN)
        return written

    def _set_lock(self, operation: int) -> None:
        """Lock the file, or BlockingIOError; or unlock it. Where a file system has no locks, lines may be torn after all."""
        try:
            fcntl.lockf(self._descriptor, operation)
        except OSError as error:
            if error.errno in LOCKED_BY_ANOTHER:
                raise BlockingIOError from None


class DeviceOutput:
    """A terminal or another device, which is opened once more with O_NONBLOCK."""

    block_size = BLOCK_SIZE

    def __init__(self, descriptor: int) -> None:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            self._descriptor = os.open(f"/proc/self/fd/{descriptor}", flags)
        except OSError:
            self._descriptor = os.dup(descriptor)  # another user's terminal can be written to, but not opened

    def __del__(self) -> None:
        os.close(self._descriptor)

    def put(self, block: memoryview) -> int:
        """Write the block."""
        return os.write(self._descriptor, block)


def output_to(descriptor: int) -> Output:
    """The output for this descriptor. The caller still owns the descriptor and keeps it open."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode):
        return PipeOutput(descriptor)
    if stat.S_ISSOCK(mode):
        return SocketOutput(descriptor)
    return DeviceOutput(descriptor) if stat.S_ISCHR(mode) else FileOutput(descriptor)
