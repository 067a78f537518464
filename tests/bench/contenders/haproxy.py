"""HAProxy in TCP mode with a larger buffer; splicing as it decides itself, and always where the load is bulk.

Left to decide, HAProxy 2.6 does not splice between loopback sockets, and small messages are slower with it. Its log goes to
a socket of the system's kind, which a process of the benchmark drains.
"""

import csv
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.bench.contenders.log_socket import drained
from tests.bench.contenders.target import Job, Target, proxy
from tests.support.ports import free_ports

SERVER = "2"  # the type of a row about a server in its statistics

CONFIG = """
global
    nbthread {workers}
    maxconn 6500
    stats socket {commands} level operator
    log {log} format raw local0
    tune.bufsize 65536
    tune.pipesize 1048576
defaults
    mode tcp
    log global
    option tcplog
    {splicing}
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend statistics
    mode http
    no log
    bind 127.0.0.1:{admin}
    stats enable
    stats uri /
listen proxy
    bind 127.0.0.1:{port} backlog 4096{headers}
{servers}
"""


@dataclass(frozen=True)
class Haproxy(Target):
    """HAProxy as it runs, with the socket that takes commands."""

    commands: Path = Path()

    def connections_by_worker(self) -> list[int]:
        """How many connections each thread was given so far, those of the benchmark's own questions among them."""
        return [count for count in by_thread(self._ask("show activity"), "accq_pushed") if count]

    def backends_changed(self, seconds: float) -> int:
        """As its statistics say."""
        with urlopen(self.admin_url + "/;csv", timeout=10) as answer:
            rows = csv.DictReader(answer.read().decode().removeprefix("# ").splitlines())
        return sum(row["type"] == SERVER and int(row["lastchg"]) <= seconds for row in rows)

    def log_lines_lost(self) -> float:
        """What found the socket full."""
        found = re.search(r"(?m)^DroppedLogs: (\d+)$", self._ask("show info"))
        assert found is not None
        return int(found[1])

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as sock, sock.makefile() as answer:
            sock.connect(str(self.commands))
            sock.sendall(f"{command}\n".encode())
            return answer.read()


def by_thread(activity: str, counter: str) -> list[int]:
    """The values of a counter, one per thread, from what `show activity` answers: `sum [ one two ]`, or the only one."""
    found = re.search(rf"(?m)^{counter}: (?:\d+ \[ )?([\d ]+?)(?: \])?$", activity)
    assert found is not None, activity
    return [int(value) for value in found[1].split()]


def run_haproxy(folder: Path, job: Job) -> Iterator[Target]:
    """Run it, and what drains its log."""
    port, admin = free_ports(2)
    check = f" check port {job.probe_port} inter {job.probe_interval} rise 1 fall 1" if job.probe_port else ""
    servers = "\n".join(f"    server b{number} {backend}{check}" for number, backend in enumerate(job.backends))
    splicing = "option splice-request\n    option splice-response" if job.bulk else "option splice-auto"
    headers = " accept-proxy" if job.proxy_headers else ""
    config, commands = folder / "haproxy.cfg", folder / "haproxy.commands"
    with drained(folder) as log:
        config.write_text(
            CONFIG.format(
                workers=job.workers,
                port=port,
                headers=headers,
                admin=admin,
                servers=servers,
                splicing=splicing,
                log=log,
                commands=commands,
            )
        )
        with proxy(["haproxy", "-f", str(config)], folder / "haproxy.log", port) as pid:
            yield Haproxy(port, pid, f"http://127.0.0.1:{admin}", commands)
