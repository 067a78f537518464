"""The stream of log lines, over real pipes, files, sockets and terminals."""

import fcntl
import mmap
import os
import re
import resource
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.link.board import Board
from tidegate.link.log_stream import BUFFER_LIMIT, LogStream

LINES = st.lists(st.integers(0, 3000).map(lambda length: b"x" * length + b"\n"), max_size=60)


class Pair(NamedTuple):
    """Two descriptors: what goes into `writing` comes out of `reading`."""

    reading: int
    writing: int


@contextmanager
def closing(reading: int, writing: int) -> Iterator[Pair]:
    try:
        yield Pair(reading, writing)
    finally:
        for descriptor in (reading, writing):
            with suppress(OSError):
                os.close(descriptor)


def pipe() -> AbstractContextManager[Pair]:
    return closing(*os.pipe())


def small_socket() -> AbstractContextManager[Pair]:
    """As a service manager reads logs, with little room."""
    one, other = socket.socketpair()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * 1024)
    return closing(other.detach(), one.detach())


def terminal() -> AbstractContextManager[Pair]:
    return closing(*os.openpty())


def available(descriptor: int) -> bytes:
    """What can be read now."""
    data = b""
    while select.select([descriptor], [], [], 0)[0] and (part := os.read(descriptor, 1 << 20)):
        data += part
    return data


def numbered(count: int, length: int) -> list[bytes]:
    """Lines of so many bytes that can be told apart."""
    return [f"{number:06d}".encode().ljust(length - 1, b".") + b"\n" for number in range(count)]


class Work:
    """Something that may block, in a thread, with a reader to the rescue."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=work)
        self._thread.start()

    def ends(self, reading: int, *, seconds: float = 2.0) -> bool:
        """Whether it ends by itself within so many seconds; if not, read until it does."""
        self._thread.join(seconds)
        ended = not self._thread.is_alive()
        while self._thread.is_alive():
            available(reading)
            self._thread.join(0.001)
        return ended


def test_lines_wait_for_a_flush_and_come_out_in_order() -> None:
    lines = numbered(100, 50)
    with pipe() as (reading, writing):
        stream = LogStream(writing)
        for line in lines:
            stream.write(line)
        assert stream.size == 5000
        assert available(reading) == b""
        stream.flush()
        assert available(reading) == b"".join(lines)
        assert (stream.size, stream.dropped) == (0, 0)


@given(lines=LINES)
@example(lines=numbered(2, select.PIPE_BUF // 2))
@example(lines=[*numbered(1, select.PIPE_BUF // 2), *numbered(1, select.PIPE_BUF // 2 + 1)])
def test_blocks_on_a_pipe_are_whole_lines_that_the_system_never_tears(lines: list[bytes]) -> None:
    blocks: list[bytes] = []
    with pipe() as (reading, writing):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, mmap.PAGESIZE)  # room for one block, however small
        stream = LogStream(writing)
        for line in lines:
            stream.write(line)
        while stream.size:
            stream.flush()
            blocks.append(available(reading))
    assert b"".join(blocks) == b"".join(lines)
    assert all(len(block) <= select.PIPE_BUF for block in blocks)
    assert all(block.endswith(b"\n") for block in blocks)
    for block, following in pairwise(blocks):
        first = following.index(b"\n") + 1
        assert len(block) + first > select.PIPE_BUF, "one more line would have fitted"


WRITER = """
import os
import sys
from tidegate.link.log_stream import LogStream
stream = LogStream(sys.stdout.fileno())
name = sys.argv[1]
for number in range(2000):
    text = f"{name}-{number}-"
    stream.write((text + name * (number * 37 % 900)).encode() + b"\\n")
    if number % 7 == 0:
        stream.flush()
os.write(2, b"w")
stream.drain(10.0)
sys.exit(stream.dropped)
"""


def test_lines_of_several_processes_are_never_torn_on_one_pipe() -> None:
    with pipe() as (reading, writing):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, mmap.PAGESIZE)
        with pipe() as (told, telling):
            commands = [[sys.executable, "-c", WRITER, name] for name in "abcd"]
            processes = [subprocess.Popen(command, stdout=writing, stderr=telling) for command in commands]
            os.close(writing)
            os.close(telling)
            with os.fdopen(told, closefd=False) as waiting:
                assert waiting.read(len(processes)) == "w" * len(processes), "each has more lines than the pipe takes"
        with os.fdopen(reading, "rb", closefd=False) as output:
            lines = output.read().decode().splitlines()
        assert [process.wait() for process in processes] == [0] * len(processes)
    expected = {name: [f"{name}-{number}-" + name * (number * 37 % 900) for number in range(2000)] for name in "abcd"}
    for name, written in expected.items():
        assert [line for line in lines if line[:1] == name] == written
    assert len(lines) == sum(map(len, expected.values()))
    assert len([1 for line, following in pairwise(lines) if line[0] != following[0]]) > 3, "they took turns"


def test_a_file_gets_everything_at_once(tmp_path: Path) -> None:
    lines = [*numbered(3000, 500), b"x" * 200_000 + b"\n", *numbered(10, 10)]
    path = tmp_path / "log"
    with path.open("wb") as file:
        stream = LogStream(file.fileno())
        for line in lines:
            stream.write(line)
        stream.flush()
        assert (stream.size, stream.dropped) == (0, 0)
    assert path.read_bytes() == b"".join(lines)


def test_a_pipe_without_a_reader_costs_bounded_memory_and_new_lines() -> None:
    lines = numbered(3 * BUFFER_LIMIT // 2 // 1000, 1000)
    with pipe() as (reading, writing):
        stream = LogStream(writing)

        def write() -> None:
            for number, line in enumerate(lines):
                stream.write(line)
                assert stream.size <= BUFFER_LIMIT
                if number % 100 == 0:
                    stream.flush()

        assert Work(write).ends(reading, seconds=5.0)
        assert stream.size > BUFFER_LIMIT - 1000
        assert stream.dropped > 0
        received = b""
        while stream.size:
            received += available(reading)
            stream.flush()
        received += available(reading)
        kept = received.splitlines(keepends=True)
        assert kept == lines[: len(kept)], "lines in the order of writing; what is dropped is the newest"
        assert len(kept) + stream.dropped == len(lines)


def test_lines_are_taken_again_once_the_reader_has_caught_up() -> None:
    with pipe() as (reading, writing):
        stream = LogStream(writing)
        while not stream.dropped:
            stream.write(b"x" * 999 + b"\n")
        while stream.size:
            stream.flush()
            available(reading)
        stream.write(b"again\n")
        stream.flush()
        assert available(reading) == b"again\n"
        assert stream.dropped == 1


def test_a_line_may_fill_the_buffer_and_not_a_byte_more() -> None:
    with pipe() as (_, writing):
        stream = LogStream(writing)
        stream.write(b"x" * BUFFER_LIMIT)
        assert (stream.size, stream.dropped) == (BUFFER_LIMIT, 0)
        stream.write(b"\n")
        assert (stream.size, stream.dropped) == (BUFFER_LIMIT, 1)


@pytest.mark.parametrize("open_pair", [pipe, small_socket, terminal], ids=["pipe", "socket", "terminal"])
@pytest.mark.parametrize("length", [200, 100_000], ids=["short-lines", "long-lines"])
def test_a_flush_never_waits_for_a_reader(open_pair: Callable[[], AbstractContextManager[Pair]], length: int) -> None:
    with open_pair() as (reading, writing):
        stream = LogStream(writing)
        for line in numbered(300_000 // length, length):
            stream.write(line)
        assert Work(stream.flush).ends(reading)


BEATING = """
import sys
from tidegate.link.board import Board
from tidegate.link.log_stream import LogStream
descriptor, workers, worker = map(int, sys.argv[1:])
board, stream = Board(descriptor, workers), LogStream(sys.stdout.fileno())
while True:
    if not stream.size:
        stream.write(b"x" * 3999 + b"\\n")
    stream.flush()
    board.cells[board.base(worker)] += 1
"""


def test_a_flush_never_waits_when_several_processes_find_room_for_one() -> None:
    """Every read makes room for one block. All writers see it, one takes it, and the others must not wait for more."""
    writers = 3
    board = Board.create(writers)
    beats = [board.base(number) for number in range(writers)]

    def has_gone_on(cell: int, since: int) -> bool:
        deadline = time.monotonic() + 5.0
        while board.cells[cell] < since + 3:
            if time.monotonic() > deadline:
                return False
            os.sched_yield()
        return True

    with pipe() as (reading, writing):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", BEATING, *map(str, (board.descriptor, writers, number))],
                stdout=writing,
                pass_fds=[board.descriptor],
            )
            for number in range(writers)
        ]
        try:
            assert all(has_gone_on(cell, 0) for cell in beats)
            for round_ in range(300):
                before = [board.cells[cell] for cell in beats]
                waiting = [n for n in range(writers) if not has_gone_on(beats[n], before[n])]
                assert not waiting, f"after {round_} reads, writers {waiting} wait for the next one"
                assert len(os.read(reading, 4000)) == 4000
        finally:
            for process in processes:
                process.kill()
            for process in processes:
                process.wait()
            os.close(board.descriptor)


def test_a_descriptor_that_others_have_made_non_blocking_loses_nothing() -> None:
    """The flag belongs to the open file, and any process that shares it can set it."""
    lines = numbered(2000, 200)
    received = b""
    with small_socket() as (reading, writing):
        os.set_blocking(writing, False)
        stream = LogStream(writing)
        for line in lines:
            stream.write(line)
        for _ in range(10_000):
            stream.flush()
            received += available(reading)
            if not stream.size:
                break
        received += available(reading)
    assert stream.dropped == 0
    assert received.splitlines(keepends=True) == lines


def test_a_drain_waits_for_a_slow_reader_and_writes_everything() -> None:
    lines = numbered(2000, 500)
    with pipe() as (reading, writing):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, mmap.PAGESIZE)
        stream = LogStream(writing)
        for line in lines:
            stream.write(line)
        work = Work(lambda: stream.drain(10.0))
        received = b""
        while len(received) < 1_000_000:
            received += os.read(reading, 700)
        assert work.ends(reading)
        assert (stream.size, stream.dropped) == (0, 0)
    assert received == b"".join(lines)


@contextmanager
def disk_that_holds(size: int) -> Iterator[None]:
    """No file of this process may grow beyond that, as on a full disk: what fits is written, then nothing more."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


@given(room=st.integers(0, 250))
@example(room=100)
@example(room=149)
def test_on_a_full_disk_lines_wait_and_none_is_torn_or_lost(room: int) -> None:
    early, later = numbered(5, 50), numbered(3, 70)
    with tempfile.TemporaryFile(buffering=0) as file:
        stream = LogStream(file.fileno())
        with disk_that_holds(room):
            for line in early:
                stream.write(line)
            stream.flush()
            assert stream.size == max(0, 250 - room)
        for line in later:
            stream.write(line)
        stream.flush()
        assert (stream.size, stream.dropped) == (0, 0)
        file.seek(0)
        assert file.read() == b"".join(early + later)


@pytest.mark.parametrize("room", [0, 100, 70_000, 1_000_001])
def test_lines_of_several_processes_are_never_torn_when_their_disk_is_full_for_a_while(room: int, tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab") as file, pipe() as (told, telling):
        with disk_that_holds(room):
            commands = [[sys.executable, "-c", WRITER, name] for name in "abcd"]
            processes = [subprocess.Popen(command, stdout=file, stderr=telling) for command in commands]
        for _ in processes:
            os.read(told, 1)  # it has written what there was room for, and waits
        assert path.stat().st_size == room
        for process in processes:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE))
        assert [process.wait(20) for process in processes] == [0, 0, 0, 0]
    lines = path.read_bytes().splitlines()
    assert len(lines) == 4 * 2000
    for line in lines:
        name, number, text = line.decode().split("-")
        assert text == name * (int(number) * 37 % 900)


def test_waiting_counts_the_lines_that_are_not_written_yet() -> None:
    with small_socket() as (reading, writing):
        stream = LogStream(writing)
        for line in numbered(400, 500):
            stream.write(line)
        assert stream.waiting == 400
        stream.flush()
        assert 0 < stream.waiting < 400
        received = available(reading)
        assert stream.waiting == 400 - received.count(b"\n")
        while stream.size:
            stream.flush()
            available(reading)
        assert stream.waiting == 0


def test_a_drain_waits_only_so_long_for_a_reader_that_has_stopped() -> None:
    with pipe() as (reading, writing):
        stream = LogStream(writing)
        for line in numbered(200, 1000):
            stream.write(line)
        started = time.monotonic()
        assert Work(lambda: stream.drain(0.2)).ends(reading, seconds=5.0)
        assert 0.2 <= time.monotonic() - started < 2.0
        assert 0 < stream.size < 200_000
        assert len(available(reading)) == 200_000 - stream.size


@pytest.mark.parametrize("full", [False, True], ids=["with-room", "full"])
def test_a_reader_that_has_gone_does_no_harm(full: bool) -> None:  # noqa: FBT001
    with pipe() as (reading, writing):
        stream = LogStream(writing)
        if full:
            stream.write(b"x" * 4096)
            while not stream.size:
                stream.flush()
                stream.write(b"x" * 4096)
        os.close(reading)
        for _ in range(3):
            for line in numbered(BUFFER_LIMIT // 1000, 1000):
                stream.write(line)
            stream.flush()
            stream.drain(10.0)
            assert stream.size <= BUFFER_LIMIT
        assert stream.dropped > 0


def test_every_line_that_a_gone_reader_misses_is_counted() -> None:
    with pipe() as (reading, writing):
        stream = LogStream(writing)
        os.close(reading)
        for line in numbered(100, 50):
            stream.write(line)
        stream.flush()
        assert stream.size + stream.dropped == 100


def test_a_reader_that_comes_in_the_middle_sees_whole_lines() -> None:
    with pipe() as (reading, writing):
        stream = LogStream(writing)
        for line in numbered(1000, 333):
            stream.write(line)
        received = b""
        for _ in range(1000):
            stream.flush()
            received += os.read(reading, 10_000)
            if not stream.size:
                break
        received += available(reading)
    assert Counter(map(len, received.splitlines())) == {332: 1000}
    assert re.fullmatch(rb"(\d{6}\.+\n)+", received)


SHORT_OF_MEMORY = """
import os, resource, sys
from tidegate.link.log_stream import LogStream

stream = LogStream(1)
for line in (b"first", b"x" * (3 << 20), b"last"):
    stream.write(line + b"\\n")
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 20), hard))
try:
    stream.flush()
except MemoryError:
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    print(stream.waiting, "wait", file=sys.stderr)
stream.drain(10)
print(stream.size, "left", file=sys.stderr)
"""


def test_lines_that_there_is_no_memory_to_write_wait_until_there_is() -> None:
    ended = subprocess.run([sys.executable, "-c", SHORT_OF_MEMORY], capture_output=True, check=True)
    assert ended.stderr == b"2 wait\n0 left\n"
    assert ended.stdout == b"first\n" + b"x" * (3 << 20) + b"\nlast\n"
