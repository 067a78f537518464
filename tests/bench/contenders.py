"""The proxies, each in the best configuration its manual knows for this work, with its access log in a file."""

import csv
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.bench.processes import family, running, wait_for_page, wait_for_port
from tests.support.ports import free_port

MOST_IN_A_VARIABLE = 1000
HAPROXY_SERVER = "2"  # the type of a row about a server in HAProxy's statistics

NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
events {{ worker_connections 9000; }}
stream {{
    log_format session '$time_iso8601 $remote_addr $upstream_addr $bytes_sent $bytes_received $session_time $status';
    access_log {folder}/nginx.access session buffer=64k flush=1s;
    upstream backends {{ {servers} }}
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096;
        proxy_pass backends;
        proxy_buffer_size 64k;
        proxy_timeout 1h;
        tcp_nodelay on;
    }}
}}
"""

HAPROXY = """
global
    nbthread {workers}
    maxconn 6500
    log stdout format raw local0
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
    bind 127.0.0.1:{port} backlog 4096
{servers}
"""


@dataclass(frozen=True)
class Job:
    """What a proxy has to do: the addresses to balance over (`host:port`), and with how many workers.

    With a `probe_port` each backend is up while something accepts on that port of its address, asked at the
    interval.
    """

    backends: Sequence[str]
    workers: int = 1
    bulk: bool = False
    probe_port: int = 0
    probe_interval: str = "500ms"


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


def nginx(folder: Path, job: Job) -> Iterator[Target]:
    """nginx's stream module, with reuseport and a larger proxy buffer. It has no health checks of its own."""
    port = free_port()
    servers = " ".join(f"server {backend};" for backend in job.backends)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(workers=job.workers, folder=folder, port=port, servers=servers))
    with _running(["nginx", "-c", str(config)], folder / "nginx.log", port) as pid:
        yield Target(port, pid)


def haproxy(folder: Path, job: Job) -> Iterator[Target]:
    """HAProxy in TCP mode with a larger buffer; splicing as it decides itself, and always where the load is bulk.

    Left to decide, HAProxy 2.6 does not splice between loopback sockets, and small messages are slower with it. Its log is
    its standard output: a socket with a reader behind it is slower, a ring in memory is 5 % faster and loses lines.
    """
    port, admin = free_port(), free_port()
    check = f" check port {job.probe_port} inter {job.probe_interval} rise 1 fall 1" if job.probe_port else ""
    servers = "\n".join(f"    server b{number} {backend}{check}" for number, backend in enumerate(job.backends))
    splicing = "option splice-request\n    option splice-response" if job.bulk else "option splice-auto"
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(workers=job.workers, port=port, admin=admin, servers=servers, splicing=splicing))
    with _running(["haproxy", "-f", str(config)], folder / "haproxy.log", port) as pid:
        yield Target(port, pid, f"http://127.0.0.1:{admin}")


def tidegate(folder: Path, job: Job) -> Iterator[Target]:
    """Tidegate as it comes, with health checks only where the work is about them: iperf3 would take one for a client."""
    port, admin = free_port(), free_port()
    checks = {
        "TIDEGATE_HEALTH__PORT": str(job.probe_port),
        "TIDEGATE_HEALTH__INTERVAL": job.probe_interval,
        "TIDEGATE_HEALTH__TIMEOUT": job.probe_interval,
        "TIDEGATE_HEALTH__RISE": "1",
        "TIDEGATE_HEALTH__FALL": "1",
    }
    settings = {
        "TIDEGATE_LISTEN": f"127.0.0.1:{port}",
        "TIDEGATE_ADMIN": f"127.0.0.1:{admin}",
        **_backends(folder, job.backends),
        "TIDEGATE_WORKERS": str(job.workers),
        "TIDEGATE_DRAIN__GRACE": "1s",
        **(checks if job.probe_port else {"TIDEGATE_HEALTH__TYPE": "none"}),
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    log = folder / "tidegate.log"
    with _running([sys.executable, "-m", "tidegate", "run"], log, port, environment | settings) as pid:
        url = f"http://127.0.0.1:{admin}"
        wait_for_page(f"{url}/readyz", log)
        yield Target(port, pid, url)


def _backends(folder: Path, backends: Sequence[str]) -> dict[str, str]:
    """The setting, in a file where a variable would be longer than the system allows."""
    if len(backends) <= MOST_IN_A_VARIABLE:
        return {"TIDEGATE_BACKENDS": ",".join(backends)}
    config = folder / "tidegate.yaml"
    config.write_text("\n".join(["backends:", *(f"  - {backend}" for backend in backends), ""]))
    return {"TIDEGATE_CONFIG_FILE": str(config)}


CONTENDERS = {"nginx": nginx, "haproxy": haproxy, "tidegate": tidegate}


def backends_changed(name: str, target: Target, seconds: float) -> int:
    """How many backends have changed state in so many last seconds, as the proxy itself reports it."""
    page = "/metrics" if name == "tidegate" else "/;csv"
    with urlopen(target.admin_url + page, timeout=10) as answer:
        text = answer.read().decode()
    if name == "tidegate":
        moments = re.findall(r"(?m)^tidegate_backend_last_transition_timestamp_seconds\{.*\} (\S+)$", text)
        return sum(float(moment) > time.time() - seconds for moment in moments)
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return sum(row["type"] == HAPROXY_SERVER and int(row["lastchg"]) <= seconds for row in rows)


@contextmanager
def contender(name: str, folder: Path, job: Job) -> Iterator[Target]:
    """Run one of the proxies."""
    yield from CONTENDERS[name](folder, job)


@contextmanager
def _running(command: list[str], log: Path, port: int, environment: dict[str, str] | None = None) -> Iterator[int]:
    with running(command, log, environment) as pid:
        wait_for_port(port, command[0], log)
        yield pid
