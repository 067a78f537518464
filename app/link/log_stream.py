"""Standard output as all processes share it: whole lines, many per system call, and never a wait for a slow reader."""

import os
import select
import stat
from collections import deque

BLOCK_SIZE = 64 * 1024
BUFFER_LIMIT = 4 * 1024 * 1024


class LogStream:
    """Collects lines and writes them in blocks.

    Several processes write to one pipe, where only writes up to PIPE_BUF are never torn apart by another's; elsewhere
    blocks are larger. When the reader does not keep up, lines wait up to BUFFER_LIMIT bytes, then new ones are dropped and
    counted: a log that nobody reads must not stop the traffic.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        self._block_size = select.PIPE_BUF if is_pipe else BLOCK_SIZE
        self._lines: deque[bytes] = deque()
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self.size = 0
        self.dropped = 0

    def write(self, line: bytes) -> None:
        """Keep one line, newline included, for the next `flush`."""
        if self.size + len(line) > BUFFER_LIMIT:
            self.dropped += 1
            return
        self._lines.append(line)
        self.size += len(line)

    def flush(self) -> None:
        """Write what the reader takes without a wait."""
        while self._lines and self._writable(0):
            self._write_block()

    def drain(self, seconds: float) -> None:
        """Write all that is left, waiting at most so long for each block that the reader is slow to take."""
        while self._lines and self._writable(seconds):
            self._write_block()

    def _writable(self, seconds: float) -> bool:
        return any(event & select.POLLOUT for _, event in self._poll.poll(seconds * 1000))

    def _write_block(self) -> None:
        block = bytearray(self._lines.popleft())
        while self._lines and len(block) + len(self._lines[0]) <= self._block_size:
            block += self._lines.popleft()
        self.size -= len(block)
        view = memoryview(block)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            self.dropped += 1  # the reader has gone: there is nobody to tell
