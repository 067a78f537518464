"""Traffic and backends: wrk for small messages, iperf3 for bulk, open connections for memory."""

import json
import re
import resource
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import running, wait_for_port
from tests.support.ports import free_port

WEB_SERVER = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/web.pid;
error_log {folder}/web.err;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "hello"; }} }}
}}
"""
BULK_ATTEMPTS = 10
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Latency:
    """What wrk has seen: requests, and seconds at two percentiles."""

    requests: int
    per_second: float
    p50: float
    p99: float


@contextmanager
def web_backend(folder: Path) -> Iterator[int]:
    """An HTTP server that answers a few bytes; yields its port."""
    port = free_port()
    config = folder / "web.conf"
    config.write_text(WEB_SERVER.format(folder=folder, port=port))
    with running(["nginx", "-c", str(config)], folder / "web.log"):
        wait_for_port(port, "the backend", folder / "web.log")
        yield port


@contextmanager
def bulk_backend(folder: Path) -> Iterator[int]:
    """An iperf3 server; yields its port."""
    port = free_port()
    with running(["iperf3", "-s", "-p", str(port)], folder / "iperf3.log"):
        wait_for_port(port, "iperf3", folder / "iperf3.log")
        yield port


def small_messages(port: int, connections: int, seconds: int, *, keep: bool = True) -> Latency:
    """Requests as fast as answers come; without `keep` each on a new connection."""
    close = [] if keep else ["-H", "Connection: close"]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *close, f"http://127.0.0.1:{port}/"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    requests = int(_found(r"(\d+) requests in", text))
    if errors := re.search(r"Socket errors: (.*)|Non-2xx.*", text):
        raise RuntimeError(f"wrk saw errors: {errors[0]}")
    return Latency(
        requests,
        float(_found(r"Requests/sec:\s+([\d.]+)", text)),
        _seconds(_found(r"\n +50% +(\S+)", text)),
        _seconds(_found(r"\n +99% +(\S+)", text)),
    )


def bulk(port: int, streams: int, seconds: int, *, download: bool) -> float:
    """Bytes per second over so many streams at once."""
    command = ["iperf3", "-c", "127.0.0.1", "-p", str(port), "-P", str(streams), "-t", str(seconds), "-J"]
    for _ in range(BULK_ATTEMPTS):
        answer = json.loads(
            subprocess.run([*command, *(["-R"] if download else [])], capture_output=True, check=False).stdout
        )
        if "error" not in answer:
            return float(answer["end"]["sum_received"]["bits_per_second"]) / 8
        time.sleep(0.2)  # iperf3 serves one client at a time, and a look at its port is one
    raise RuntimeError(f"iperf3: {answer['error']}")


@contextmanager
def idle_connections(port: int, count: int) -> Iterator[None]:
    """So many connections through the proxy, each of which has had one answer and then stays open."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port), timeout=10)
            sockets.append(sock)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
            if not sock.recv(4096):
                raise RuntimeError("a connection was closed")
        yield
    finally:
        for sock in sockets:
            sock.close()


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"wrk said something else: {text}")
    return match[1]


def _seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]
