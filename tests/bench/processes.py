"""Processes of a benchmark: started, waited for, asked what they have cost the kernel, and ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

TICKS = os.sysconf("SC_CLK_TCK")
START_LIMIT = 15.0


@contextmanager
def running(command: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[int]:
    """Run a command in a session of its own, its output in a file; yields its process id and ends all of it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for_port(port: int, what: str, log: Path) -> None:
    """Return once something accepts on a loopback port; raises RuntimeError with the log after START_LIMIT seconds."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{what} does not listen on {port}: {log.read_text(errors='replace')[-2000:]}")


def wait_for_page(url: str, log: Path) -> None:
    """Return once a page answers with 200; raises RuntimeError with the log after START_LIMIT seconds."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        with suppress(OSError), urlopen(url, timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{url} is not ready: {log.read_text(errors='replace')[-2000:]}")


def wait_for_file(path: Path, log: Path) -> None:
    """Return once a file or socket is there; raises RuntimeError with the log after START_LIMIT seconds."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if path.exists():
            return
        time.sleep(0.02)
    raise RuntimeError(f"{path} is not there: {log.read_text(errors='replace')[-2000:]}")


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    found = [pid]
    for known in found:
        found += children.get(known, [])
    return found


def processor_seconds(pids: Sequence[int]) -> float:
    """User and system time of these processes so far."""
    return sum(_seconds(Path(f"/proc/{pid}/stat")) for pid in pids)


def processor_seconds_by_thread(pids: Sequence[int]) -> dict[int, float]:
    """The same, for each of their threads."""
    return {int(path.parent.name): _seconds(path) for pid in pids for path in Path(f"/proc/{pid}/task").glob("*/stat")}


def _seconds(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def proportional_bytes(pids: Sequence[int]) -> int:
    """The proportional set size of these processes."""
    sizes = (Path(f"/proc/{pid}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0] for pid in pids)
    return sum(int(size) for size in sizes) * 1024
