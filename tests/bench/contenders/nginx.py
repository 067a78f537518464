"""nginx's stream module, with reuseport and a larger proxy buffer. It has no health checks of its own."""

from collections.abc import Iterator
from pathlib import Path

from tests.bench.contenders.target import Job, Target, proxy
from tests.support.ports import free_port

CONFIG = """
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
        {more}
    }}
}}
"""


class Nginx(Target):
    """nginx as it runs."""

    def log_lines_lost(self) -> float:
        """None: it writes to a file, and waits for it."""
        return 0


def command(folder: Path, job: Job, port: int, more: str = "") -> list[str]:
    """Write its configuration, with more directives for its server; answers the command that runs it."""
    servers = " ".join(f"server {backend};" for backend in job.backends)
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(workers=job.workers, folder=folder, port=port, servers=servers, more=more))
    return ["nginx", "-c", str(config)]


def run_nginx(folder: Path, job: Job, more: str = "") -> Iterator[Target]:
    """As it comes: it closes both sides of a session once one of them has ended and nothing is left to send."""
    port = free_port()
    with proxy(command(folder, job, port, more), folder / "nginx.log", port) as pid:
        yield Nginx(port, pid)


def run_nginx_half_close(folder: Path, job: Job) -> Iterator[Target]:
    """With `proxy_half_close`: it passes the end of one side on and waits for that of the other, as Tidegate does."""
    yield from run_nginx(folder, job, "proxy_half_close on;")
