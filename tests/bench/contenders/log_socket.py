"""A socket as the system's log has, and a process that drains it: HAProxy pays for what it sends, not for who reads it."""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.bench.processes import running, wait_for_file

LONGEST_LINE = 8192
LONGEST_QUEUE = Path("/proc/sys/net/unix/max_dgram_qlen")  # lines
MOST_LINES = 100_000  # that may come in a second
LONGEST_PAUSE = 0.002  # seconds; with longer ones the sender's buffer could be full before the queue is


@contextmanager
def drained(folder: Path) -> Iterator[Path]:
    """A UNIX datagram socket whose lines are read and forgotten."""
    path = folder / "log"
    with running([sys.executable, "-m", __name__, str(path)], folder / "log_socket.log"):
        wait_for_file(path, folder / "log_socket.log")
        yield path


def drain(path: str, pause: float) -> None:
    """Read for ever: all lines that are there, then a pause, so that not every line wakes the reader."""
    line = bytearray(LONGEST_LINE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        while True:
            sock.recv_into(line)
            with suppress(BlockingIOError):
                while True:
                    sock.recv_into(line, 0, socket.MSG_DONTWAIT)
            time.sleep(pause)


if __name__ == "__main__":
    drain(sys.argv[1], min(LONGEST_PAUSE, int(LONGEST_QUEUE.read_text()) / MOST_LINES))
