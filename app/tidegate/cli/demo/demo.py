"""Runs the demo: starts the backends and the proxy, and regularly takes one backend down for a while."""

import asyncio
import os
import random
import signal
import socket
import sys
from contextlib import suppress

from rich.console import Console
from rich.panel import Panel

from tidegate.cli.demo.backend import DemoBackend
from tidegate.control.workers.processes import OWN_FOLDER
from tidegate.settings.own_variables import without_settings

BACKENDS = 4
OUTAGE_SECONDS = 8.0
HOST = "127.0.0.1"


def demo(outage_every: float) -> int:
    """Run until Ctrl-C or SIGTERM; returns the proxy's exit code. `outage_every` is in seconds."""
    return asyncio.run(_demo(outage_every))


async def _demo(outage_every: float) -> int:
    console = Console(highlight=False)
    port, status_port = _port(8000, console), _port(9000, console)
    status_url = f"http://{HOST}:{status_port}/"
    backends = [DemoBackend(_free_port(), status_url) for _ in range(BACKENDS)]
    for backend in backends:
        await backend.start()
    proxy = await _start_proxy(port, status_port, backends)
    _watch_signals(proxy)
    console.print(_welcome(port, status_url, backends, outage_every))
    outages = asyncio.get_running_loop().create_task(_outages(backends, outage_every, console))  # lives until the end
    try:
        return await proxy.wait()
    finally:
        outages.cancel()
        with suppress(asyncio.CancelledError):
            await outages
        for backend in backends:
            await backend.stop()


async def _start_proxy(port: int, status_port: int, backends: list[DemoBackend]) -> asyncio.subprocess.Process:
    settings = {
        "LISTEN": f"{HOST}:{port}",
        "ADMIN": f"{HOST}:{status_port}",
        "BACKENDS": ",".join(backend.name for backend in backends),
        "HEALTH__TYPE": "websocket",
        "HEALTH__PATH": "/ws",
        "HEALTH__INTERVAL": "1s",
        "HEALTH__TIMEOUT": "500ms",
        "HEALTH__FALL": "2",
        "DRAIN__DELAY": "0s",
        "DRAIN__GRACE": "1s",
        "LOG__FORMAT": "console",
    }
    # The demo uses its own settings only, whatever the environment has.
    environment = without_settings(os.environ)  # noqa: TID251
    environment |= {f"TIDEGATE_{name}": value for name, value in settings.items()}
    # The proxy gets its own process group, so that a Ctrl-C in the terminal reaches it once, through the demo.
    command = sys.executable, "-m", "tidegate", "run"
    return await asyncio.create_subprocess_exec(*command, cwd=OWN_FOLDER, env=environment, process_group=0)


def _watch_signals(proxy: asyncio.subprocess.Process) -> None:
    """The proxy drains and ends, and the demo with it; a second signal makes it stop at once."""

    def end() -> None:
        with suppress(ProcessLookupError):
            proxy.terminate()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, end)


def _welcome(port: int, status_url: str, backends: list[DemoBackend], outage_every: float) -> Panel:
    return Panel(
        f"page to connect with  [bold]http://{HOST}:{port}/[/bold]\n"
        f"status page           [bold]{status_url}[/bold]\n"
        f"metrics               {status_url}metrics\n"
        f"backends              {HOST}, ports {', '.join(str(backend.port) for backend in backends)}\n\n"
        f"Every {outage_every:g} seconds one backend is taken down for {OUTAGE_SECONDS:g}. Ctrl-C ends the demo.",
        title="Tidegate demo",
        title_align="left",
        expand=False,
    )


async def _outages(backends: list[DemoBackend], every: float, console: Console) -> None:
    while True:
        await asyncio.sleep(every)
        backend = random.choice(backends)
        console.print(f"demo: taking {backend.name} down for {OUTAGE_SECONDS:g} seconds")
        await backend.stop()
        await asyncio.sleep(OUTAGE_SECONDS)
        console.print(f"demo: bringing {backend.name} back")
        await backend.start()


def _port(wanted: int, console: Console) -> int:
    """The wanted port. If it is taken, a free one instead, and a message that says so."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, wanted))
        except OSError:
            port = _free_port()
            console.print(f"port {wanted} is taken: using {port} instead")
            return port
    return wanted


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])
