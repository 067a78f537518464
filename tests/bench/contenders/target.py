"""What a proxy has to do in a benchmark, and what can be seen of it while it runs."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import family, running, wait_for_port


@dataclass(frozen=True)
class Job:
    """What a proxy has to do: the addresses to balance over (`host:port`), and with how many workers.

    With a `probe_port` each backend is up while something accepts on that port of its address, asked at the
    interval. With `proxy_headers` each client begins with a PROXY header.
    """

    backends: Sequence[str]
    workers: int = 1
    bulk: bool = False
    probe_port: int = 0
    probe_interval: str = "500ms"
    proxy_headers: bool = False


@dataclass(frozen=True)
class Target:
    """A proxy that runs: where clients connect, its first process, and where it reports, if it does."""

    port: int
    pid: int
    admin_url: str = ""

    @property
    def pids(self) -> list[int]:
        """All its processes as of now."""
        return family(self.pid)

    def connections_by_worker(self) -> list[int]:
        """How many clients' connections each worker has, where a worker is a process; one without any is left out."""
        inodes = clients_of(self.port)
        holders = Counter(pid for pid in self.pids for inode in _sockets(pid) if inode in inodes)
        return list(holders.values())

    def backends_changed(self, seconds: float) -> int:
        """How many backends have changed state in so many last seconds, as the proxy itself reports it."""
        raise NotImplementedError

    def log_lines_lost(self) -> float:
        """How many lines of the access log it has dropped so far."""
        raise NotImplementedError


def clients_of(port: int) -> set[int]:
    """The inodes of the sockets of clients that are connected to a port.

    The kernel chooses them: after a run of new connections, so many that have ended are in /proc/net/tcp that reading it
    takes longer than a load.
    """
    command = ["ss", "-Htne", "state", "established", "sport", "=", f":{port}"]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {int(inode) for inode in re.findall(r"\bino:(\d+)", table)}


def _sockets(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # a descriptor that has just been closed
            name = str(path.readlink())
            if name.startswith("socket:["):
                yield int(name[8:-1])


@contextmanager
def proxy(command: list[str], log: Path, port: int, environment: dict[str, str] | None = None) -> Iterator[int]:
    """Run a proxy until the end of the block; yields its process once it listens."""
    with running(command, log, environment) as pid:
        wait_for_port(port, command[0], log)
        yield pid
