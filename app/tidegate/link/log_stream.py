"""Writes log lines to the standard output that all processes share: whole lines, many per system call, never blocking."""

import select
from collections import deque
from time import monotonic, sleep

from tidegate.link.log_output import output_to

BUFFER_LIMIT = 4 * 1024 * 1024
NEXT_TRY = 0.01  # seconds


class LogStream:
    """Collects lines and writes them in blocks.

    While the reader is slow, or the disk is full, up to BUFFER_LIMIT bytes of lines wait; further lines are dropped and
    counted in `dropped`, because a log without a reader must not stop the traffic. `size` is the number of waiting bytes.

    A block that cannot be written, as after the reader has closed, is dropped and counted, too. The next block then begins
    with a newline, because the dropped one may have been cut within a line.
    """

    def __init__(self, descriptor: int) -> None:
        self._output = output_to(descriptor)
        self._lines: deque[bytes] = deque()
        self._block = memoryview(b"")
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._begins_anew = False  # True after a write failed, perhaps within a line
        self.size = 0
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """The number of waiting lines, including one that is partly written."""
        return len(self._lines) + (_lines_in(self._block) if self._block else 0)

    def write(self, line: bytes) -> None:
        """Keep one line, newline included, for the next `flush`."""
        if self.size + len(line) > BUFFER_LIMIT:
            self.dropped += 1
            return
        self._lines.append(line)
        self.size += len(line)

    def flush(self) -> None:
        """Write as much as the reader takes without blocking."""
        while self.size and self._write_block():
            pass

    def drain(self, seconds: float) -> None:
        """Write everything that waits. Gives up when the reader takes nothing for `seconds`."""
        self.flush()
        deadline = monotonic() + seconds
        while self.size and self._poll.poll(max(0.0, deadline - monotonic()) * 1000):
            before = self.size
            self.flush()
            if self.size < before:
                deadline = monotonic() + seconds
            elif monotonic() >= deadline:
                return
            else:
                sleep(NEXT_TRY)  # a file can always be written to, says poll(2), even when its disk is full

    def _write_block(self) -> bool:
        """Write or drop a part of the lines. Returns whether it did."""
        if not self._block:
            self._block = self._next_block()
        try:
            written = self._output.put(self._block)
        except BlockingIOError:
            return False
        except OSError:  # the reader has closed, or the disk is broken
            self.dropped += _lines_in(self._block)
            self._begins_anew = True
            written = len(self._block)
        self._block = self._block[written:]
        self.size -= written
        return True

    def _next_block(self) -> memoryview:
        """Take lines from the queue, once there was memory for all of the block: else they wait on."""
        block = bytearray(b"\n" if self._begins_anew else b"")
        added, count = len(block), 0
        for line in self._lines:
            if count and len(block) + len(line) > self._output.block_size:
                break
            block += line
            count += 1
        taken = memoryview(block)
        for _ in range(count):
            self._lines.popleft()
        self.size += added
        self._begins_anew = False
        return taken


def _lines_in(block: memoryview) -> int:
    """Count the lines. A newline at the front does not count: it ends a line whose text is already written. If this block
    fails, the next one begins with a newline."""
    return bytes(block).lstrip(b"\n").count(b"\n")
