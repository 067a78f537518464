"""Traffic and backends: wrk for small messages, iperf3 for bulk, open connections for memory."""

import json
import multiprocessing
import re
import resource
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from tests.bench.processes import running, wait_for_port
from tests.support.ports import free_port, free_ports

WEB_SERVER = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/web.pid;
error_log {folder}/web.err;
events {{ worker_connections 9000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    server {{
{listen}
        location / {{ return 200 "hello"; }}
        location /bulk {{ root {folder}; sendfile on; }}
    }}
}}
"""
BULK_FILE = 64 << 20
BULK_ATTEMPTS = 10
FLAP_INTERVAL = 1.0  # so that each backend changes its state once a second
WITH_HEADER = """
function init()
    following = wrk.format()
    with_header = "{header}" .. following
end
function request()
    local this = following
    following = with_header  -- from the second on: wrk parses the first itself and sends it to nobody
    return this
end
"""
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Latency:
    """What wrk has seen: requests, and seconds at two percentiles."""

    requests: int
    per_second: float
    p50: float
    p99: float


@contextmanager
def web_backend(folder: Path, addresses: int = 1) -> Iterator[list[str]]:
    """An HTTP server that answers a few bytes, or many for `/bulk`; yields its addresses."""
    ports = free_ports(addresses)
    config = folder / "web.conf"
    listen = "\n".join(f"        listen 127.0.0.1:{port} backlog=4096;" for port in ports)
    config.write_text(WEB_SERVER.format(folder=folder, listen=listen))
    folder.chmod(0o755)  # a worker of the server has another user
    with (folder / "bulk").open("wb") as file:
        file.truncate(BULK_FILE)
    with running(["nginx", "-c", str(config)], folder / "web.log"):
        wait_for_port(ports[-1], "the backend", folder / "web.log")
        yield [f"127.0.0.1:{port}" for port in ports]


@contextmanager
def bulk_backend(folder: Path) -> Iterator[list[str]]:
    """An iperf3 server; yields its address."""
    port = free_port()
    with running(["iperf3", "-s", "-p", str(port)], folder / "iperf3.log"):
        wait_for_port(port, "iperf3", folder / "iperf3.log")
        yield [f"127.0.0.1:{port}"]


@contextmanager
def flapping_port() -> Iterator[tuple[int, Callable[[], AbstractContextManager[None]]]]:
    """A port that accepts, for health checks; within the second value it stops and starts again every FLAP_INTERVAL."""
    port = free_port()
    flaps, ends = threading.Event(), threading.Event()

    def serve() -> None:
        while not ends.is_set():
            with socket.create_server(("127.0.0.1", port), backlog=4096) as server:
                server.settimeout(0.05)
                until = time.monotonic() + FLAP_INTERVAL
                while not ends.is_set() and not (flaps.is_set() and time.monotonic() > until):
                    with suppress(OSError):
                        server.accept()[0].close()
            if flaps.is_set():
                ends.wait(FLAP_INTERVAL)

    @contextmanager
    def flap() -> Iterator[None]:
        later = threading.Timer(FLAP_INTERVAL, flaps.set)  # the connections that live through it are made before
        later.start()
        yield
        later.cancel()

    with ThreadPoolExecutor(1) as threads:
        server = threads.submit(serve)
        try:
            yield port, flap
        finally:
            ends.set()
        server.result()


@contextmanager
def accepting_port() -> Iterator[int]:
    """A port of every loopback address that accepts and closes, in a process of its own, for health checks."""
    with socket.create_server(("0.0.0.0", 0), backlog=4096) as server:
        process = multiprocessing.Process(target=_accept_forever, args=(server,), daemon=True)
        process.start()
        try:
            yield server.getsockname()[1]
        finally:
            process.terminate()
            process.join()


def _accept_forever(server: socket.socket) -> None:
    while True:
        server.accept()[0].close()


@contextmanager
def bulk_stream(port: int) -> Iterator[Callable[[], int]]:
    """Download without pause over one connection; the value answers how many bytes that has given so far.

    Raises what broke the stream, so that no load is measured beside a stream that was not there.
    """
    moved = 0
    ends = threading.Event()

    def download() -> None:
        nonlocal moved
        buffer = bytearray(1 << 20)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            while not ends.is_set():
                sock.sendall(b"GET /bulk HTTP/1.1\r\nHost: bench\r\n\r\n")
                received = 0
                while received < BULK_FILE and not ends.is_set():
                    size = sock.recv_into(buffer)
                    if not size:
                        raise RuntimeError("the bulk stream was cut")
                    received += size
                    moved += size

    with ThreadPoolExecutor(1) as threads:
        stream = threads.submit(download)
        try:
            yield lambda: moved
        finally:
            ends.set()
        stream.result()


def small_messages(port: int, connections: int, seconds: int, *, keep: bool = True) -> Latency:
    """Requests as fast as answers come; without `keep` each on a new connection."""
    return _wrk(port, connections, seconds, [] if keep else ["-H", "Connection: close"])


def short_connections(port: int, connections: int, seconds: int, header: bytes) -> Latency:
    """Requests as fast as answers come, each on a new connection that begins with a header."""
    with NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WITH_HEADER.format(header="".join(f"\\{byte:03}" for byte in header)))
        script.flush()
        return _wrk(port, connections, seconds, ["-H", "Connection: close", "-s", script.name])


def _wrk(port: int, connections: int, seconds: int, more: list[str]) -> Latency:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *more, f"http://127.0.0.1:{port}/"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    requests = int(_found(r"(\d+) requests in", text))
    if errors := re.search(r"Socket errors: (.*)|Non-2xx.*", text):
        raise RuntimeError(f"wrk saw errors: {errors[0]}")
    if not requests:
        raise RuntimeError("wrk got no answer: is the kernel's table of connections full (dmesg, nf_conntrack)?")
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
