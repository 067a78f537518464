"""The proxies, each in the best configuration its manual knows for this work, with its access log in a file."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import family, running, wait_for_port
from tests.support.ports import free_port

NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
events {{ worker_connections 20000; }}
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
    maxconn 7500
    log stdout format raw local0
    tune.bufsize 65536
defaults
    mode tcp
    log global
    option tcplog
    option splice-auto
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen proxy
    bind 127.0.0.1:{port} backlog 4096
{servers}
"""


@dataclass(frozen=True)
class Target:
    """A proxy that runs: where clients connect, and the processes that do its work."""

    port: int
    pids: Sequence[int]


Contender = Callable[[Path, Sequence[int], int], "Iterator[Target]"]


def nginx(folder: Path, backends: Sequence[int], workers: int) -> Iterator[Target]:
    """nginx's stream module, with reuseport and a larger proxy buffer."""
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{backend};" for backend in backends)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(workers=workers, folder=folder, port=port, servers=servers))
    yield from _target(["nginx", "-c", str(config)], folder / "nginx.log", port)


def haproxy(folder: Path, backends: Sequence[int], workers: int) -> Iterator[Target]:
    """HAProxy in TCP mode, with splicing on and a larger buffer."""
    port = free_port()
    servers = "\n".join(f"    server backend{backend} 127.0.0.1:{backend}" for backend in backends)
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(workers=workers, port=port, servers=servers))
    yield from _target(["haproxy", "-f", str(config)], folder / "haproxy.log", port)


def tidegate(folder: Path, backends: Sequence[int], workers: int) -> Iterator[Target]:
    """Tidegate as it comes, but without health checks, as the others: iperf3 would take one for a client."""
    port = free_port()
    settings = {
        "TIDEGATE_LISTEN": f"127.0.0.1:{port}",
        "TIDEGATE_ADMIN": f"127.0.0.1:{free_port()}",
        "TIDEGATE_BACKENDS": ",".join(f"127.0.0.1:{backend}" for backend in backends),
        "TIDEGATE_HEALTH__TYPE": "none",
        "TIDEGATE_WORKERS": str(workers),
        "TIDEGATE_DRAIN__GRACE": "1s",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    command = [sys.executable, "-m", "app", "run"]
    yield from _target(command, folder / "tidegate.log", port, environment | settings)


CONTENDERS = {"nginx": nginx, "haproxy": haproxy, "tidegate": tidegate}


@contextmanager
def contender(name: str, folder: Path, backends: Sequence[int], workers: int) -> Iterator[Target]:
    """Run one of the proxies in front of these backends."""
    yield from CONTENDERS[name](folder, backends, workers)


def _target(command: list[str], log: Path, port: int, environment: dict[str, str] | None = None) -> Iterator[Target]:
    with running(command, log, environment) as pid:
        wait_for_port(port, command[0], log)
        yield Target(port, family(pid))
