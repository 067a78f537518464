"""One end of the link: sends and receives messages and file descriptors over a Unix stream socket, without blocking.

Messages without descriptors that are sent in one turn of the loop travel together, and wake the other end once.
"""

import array
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from tidegate.link.codec import decode, encode
from tidegate.link.messages import (
    Message,
)

READ_SIZE = 256 * 1024
MOST_DESCRIPTORS = 250  # per message; Linux allows 253
OUTBOX_LIMIT = 64 * 1024 * 1024


class Loop(Protocol):
    """The part of an event loop that a channel needs: asyncio's loop has it, and an adapter gives it to a worker's loop."""

    def call_soon(self, callback: Callable[[], None], /) -> object:
        """Call once, at the end of this turn or in the next."""

    def add_reader(self, descriptor: int, callback: Callable[[], None], /) -> object:
        """Call while the descriptor is readable."""

    def remove_reader(self, descriptor: int, /) -> object:
        """Stop calling; no effect if nothing was added."""

    def add_writer(self, descriptor: int, callback: Callable[[], None], /) -> object:
        """Call while the descriptor is writable."""

    def remove_writer(self, descriptor: int, /) -> object:
        """Stop calling; no effect if nothing was added."""


class Channel:
    """Sends and receives messages. Owns the socket, and received descriptors until they are taken.

    Calls `received(message)` for each message. Calls `ended()` once, when the other end has closed, or when more than
    OUTBOX_LIMIT bytes wait for it: a process that reads nothing is treated like one that has exited.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        received: Callable[[Message], None],
        ended: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._loop, self._sock = loop, sock
        self._received, self._ended = received, ended
        self._inbox = bytearray()
        self._descriptors: deque[list[int]] = deque()  # one entry per message that carried descriptors
        self._lines: list[bytes] = []  # without descriptors; they follow what is in the outbox
        self._outbox: deque[tuple[memoryview, Sequence[int]]] = deque()
        self._pending = 0
        self._write_is_due = False  # in this turn, or when the socket is writable
        self._closed = False
        loop.add_reader(sock.fileno(), self._readable)

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send at the end of this turn, or when the other end reads. The caller may then close the descriptors."""
        self.send_line(encode(message), descriptors)

    def send_line(self, line: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send a message that is already encoded: one encoding serves several workers."""
        if self._closed:
            return
        if descriptors:
            self._pack_lines()
            self._outbox.append((memoryview(line), [os.dup(descriptor) for descriptor in descriptors]))
        else:
            self._lines.append(line)
        self._pending += len(line)
        if not self._write_is_due:
            self._write_is_due = True
            self._loop.call_soon(self._write)
        if self._pending > OUTBOX_LIMIT:
            self._lost()

    @property
    def pending(self) -> int:
        """The number of bytes that wait to be sent."""
        return self._pending

    def take_descriptors(self) -> list[int]:
        """Take the descriptors of the oldest message that carried any; the caller owns them now.

        The list is empty if this process could not open all of them: the kernel has then dropped some.
        """
        return self._descriptors.popleft()

    def close(self) -> None:
        """Close the socket, without calling `ended`."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        for _, descriptors in self._outbox:
            _close_all(descriptors)
        self._outbox.clear()
        self._lines.clear()
        while self._descriptors:
            _close_all(self._descriptors.popleft())

    def _readable(self) -> None:
        try:
            data, ancillary, flags, _address = self._sock.recvmsg(
                READ_SIZE, socket.CMSG_SPACE(MOST_DESCRIPTORS * array.array("i").itemsize), socket.MSG_CMSG_CLOEXEC
            )
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, ancillary, flags = b"", [], 0
        self._keep_descriptors(ancillary, complete=not flags & socket.MSG_CTRUNC)
        if not data:
            self._lost()
            return
        self._inbox += data
        if b"\n" in data:
            *lines, rest = self._inbox.split(b"\n")
            self._inbox = rest
            self._deliver(lines)

    def _keep_descriptors(self, ancillary: Sequence[tuple[int, int, bytes]], *, complete: bool) -> None:
        """Keep the descriptors of one message: a single receive returns those of at most one message."""
        received = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received.frombytes(payload[: len(payload) - len(payload) % received.itemsize])
        if not complete:
            _close_all(received)
            self._descriptors.append([])
        elif received:
            self._descriptors.append(list(received))

    def _deliver(self, lines: Sequence[bytearray]) -> None:
        """Hand on the messages. If one cannot be applied, the link ends, because later messages would build on it."""
        for line in lines:
            if self._closed:
                return
            try:
                self._received(decode(line))
            except BaseException:
                self._lost()
                raise

    def _write(self) -> None:
        if self._closed:
            return
        self._pack_lines()
        try:
            while self._outbox:
                self._write_first()
        except (BlockingIOError, InterruptedError):
            self._loop.add_writer(self._sock.fileno(), self._write)
        except OSError:
            self._lost()
        else:
            self._write_is_due = False
            self._loop.remove_writer(self._sock.fileno())

    def _pack_lines(self) -> None:
        if self._lines:
            self._outbox.append((memoryview(b"".join(self._lines)), ()))
            self._lines.clear()

    def _write_first(self) -> None:
        rest, descriptors = self._outbox[0]
        written = socket.send_fds(self._sock, [rest], list(descriptors)) if descriptors else self._sock.send(rest)
        self._pending -= written
        _close_all(descriptors)
        if written == len(rest):
            self._outbox.popleft()
        else:
            self._outbox[0] = (rest[written:], ())  # descriptors were sent with the first byte

    def _lost(self) -> None:
        if not self._closed:
            self.close()
            self._ended()


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
