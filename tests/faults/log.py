"""The log of a proxy, read line by line and thrown away; nothing of it may be torn."""

import asyncio
import ctypes
import mmap
import os
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import orjson

from tests.faults.ledger import Ledger
from tests.support.proxy import Fields

BLOCK: Final = 1 << 20
OTHERS_KEPT: Final = 300
LOOK: Final = 0.05  # seconds between two looks at a file
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2  # fallocate(2)


class Log:
    """What the proxy writes. Lines of sessions go to the ledger; the last others are kept.

    `left` is told of each backend that has gone.
    """

    def __init__(self, ledger: Ledger, left: Callable[[str], None]) -> None:
        self._ledger, self._left = ledger, left
        self.others: deque[Fields] = deque(maxlen=OTHERS_KEPT)
        self.session_lines = self.sessions_lost = self.lines_lost = 0
        self.last: Fields = {}
        self._rest = b""

    def take(self, data: bytes) -> None:
        """The next bytes of the stream."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)

    def end(self) -> None:
        """The stream has ended."""
        if self._rest:
            self._ledger.violation(f"the log ends with half a line: {self._rest[:200]!r}")

    def _line(self, line: bytes) -> None:
        try:
            fields = orjson.loads(line)
            event = fields["event"]
        except (ValueError, TypeError, KeyError):
            self._ledger.violation(f"a torn line of the log: {line[:400]!r}")
            return
        self.last = fields
        if event == "session_closed":
            self.session_lines += 1
            self._ledger.logged(fields)
            return
        self.others.append(fields)
        if event == "backend_removed":
            self._left(fields["backend"])
        if event == "worker_restarted":
            self.sessions_lost += fields["sessions_lost"]
            self.lines_lost += fields["log_lines_lost"]

    def clock_is_off(self) -> bool:
        """Whether the last line is more than a minute off the driver's clock."""
        if not self.last:
            return False
        return abs((datetime.fromisoformat(self.last["timestamp"]) - datetime.now(UTC)).total_seconds()) > 60

    def says(self, event: str) -> bool:
        """Whether one of the last lines that were not of sessions is of this event."""
        return any(line["event"] == event for line in self.others)

    def tail(self) -> str:
        """The last lines that were not of sessions."""
        return "\n".join(orjson.dumps(line).decode() for line in list(self.others)[-15:])


class Output(Protocol):
    """Where a proxy writes its log to, and the driver reads it from. `ended` is set once all has been read."""

    written_to: int
    ended: asyncio.Event

    def started(self) -> None:
        """The proxy has been started with `written_to`."""

    def finish(self) -> None:
        """The proxy has ended: nothing more comes."""

    def resume(self) -> None:
        """Read on."""

    def pause(self) -> None:
        """Do not read."""

    def close(self) -> None:
        """Close what is read from."""


class LogPipe:
    """A log through a pipe. The proxy writes to `written_to`; between `pause` and `resume` nobody reads."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._reading, self.written_to = os.pipe()
        os.set_blocking(self._reading, False)
        self.ended = asyncio.Event()

    def started(self) -> None:
        """The proxy has its own now."""
        os.close(self.written_to)

    def finish(self) -> None:
        """The proxy has ended, and with it the stream."""

    def resume(self) -> None:
        """Read on."""
        asyncio.get_running_loop().add_reader(self._reading, self._read)

    def pause(self) -> None:
        """Do not read."""
        asyncio.get_running_loop().remove_reader(self._reading)

    def _read(self) -> None:
        try:
            data = os.read(self._reading, BLOCK)
        except BlockingIOError:
            return
        self._log.take(data)
        if not data:
            self.pause()
            self._log.end()
            self.ended.set()

    def close(self) -> None:
        """Close what is read from."""
        self.pause()
        os.close(self._reading)


class LogFile:
    """A log in a file, of which what has been read is given back to the disk, so that it stays small."""

    def __init__(self, log: Log, path: Path) -> None:
        self._log = log
        self.written_to = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC)
        self._position = 0
        self._over = False
        self.ended = asyncio.Event()

    def started(self) -> None:
        """The proxy has been started with it."""

    def finish(self) -> None:
        """The proxy has ended."""
        self._over = True

    def resume(self) -> None:
        """Read on."""
        self._reading = asyncio.ensure_future(self._read())

    def pause(self) -> None:
        """Do not read."""
        self._reading.cancel()

    async def _read(self) -> None:
        ended = False
        while not ended:
            ended = self._over
            while data := os.pread(self.written_to, BLOCK, self._position):
                self._position += len(data)
                self._log.take(data)
            punch_hole(self.written_to, self._position // mmap.PAGESIZE * mmap.PAGESIZE)
            await asyncio.sleep(LOOK)
        self._log.end()
        self.ended.set()

    def close(self) -> None:
        """Close what is read from."""
        self.pause()
        os.close(self.written_to)


def punch_hole(descriptor: int, size: int) -> None:
    """Give the first bytes of a file back to the disk; the file keeps its length."""
    if size:
        flags, start, length = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, ctypes.c_long(0), ctypes.c_long(size)
        if ctypes.CDLL(None, use_errno=True).fallocate(descriptor, flags, start, length):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
