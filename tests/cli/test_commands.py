"""The commands that people run by hand: check, status, top, version, and what a wrong one says."""

import asyncio
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from tests.support.backends import echo, running_backend
from tests.support.clients import connect
from tests.support.command import tidegate
from tests.support.memory import proportional_set_size
from tests.support.ports import free_port
from tests.support.proxy import Proxy, environment, running_proxy
from tests.support.waiting import until
from tidegate import __version__

pytestmark = pytest.mark.asyncio(loop_scope="module")

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])")
CTRL_C = b"\x03"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy with one backend up and one down."""
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=f"{backend.name},127.0.0.1:{free_port()} weight=7 backup") as running,
    ):
        yield running


async def test_the_version_is_printed() -> None:
    finished = await tidegate("--version")
    assert (finished.code, finished.output, finished.errors) == (0, f"tidegate {__version__}\n", "")


async def test_a_wrong_command_line_is_explained_and_ends_with_64() -> None:
    wrong = [["dance"], ["--loud"], ["run", "now"], ["status", "--url"], ["top", "--interval", "0"]]
    for finished in await asyncio.gather(*(tidegate(*arguments) for arguments in wrong)):
        assert (finished.code, finished.output) == (64, "")
        assert "Error" in finished.errors


async def test_help_names_every_command() -> None:
    finished = await tidegate("--help")
    assert finished.code == 0
    for command in ("run", "check", "status", "top", "demo"):
        assert command in finished.output


async def test_check_prints_settings_that_work_as_a_file(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "BACKENDS": "127.0.0.1:8001 weight=2, [::1]:8002 backup",
        "HEALTH__TYPE": "socketio",
        "IDLE_TIMEOUT": "90s",
    }
    checked = await tidegate("check", **settings)
    assert (checked.code, checked.errors) == (0, "")
    (tmp_path / "printed.yaml").write_text(checked.output, encoding="utf-8")
    again = await tidegate("check", CONFIG_FILE=tmp_path / "printed.yaml")
    assert (again.code, again.output) == (0, checked.output)
    pool = yaml.safe_load(checked.output)["pools"]["default"]
    assert (pool["health"]["type"], pool["health"]["path"], pool["idle_timeout"]) == ("socketio", "/socket.io/", "90s")


async def test_status_prints_a_table_from_a_running_instance(proxy: Proxy) -> None:
    client = await connect(proxy.port)
    assert await client.ask(b"hello") == b"hello"
    for finished in (
        await tidegate("status", "--url", proxy.admin_url),
        await tidegate("status", ADMIN=f"127.0.0.1:{proxy.admin_port}"),
    ):
        assert (finished.code, finished.errors) == (0, "")
        up, down = (await proxy.backends()).values()
        assert f"tidegate {__version__}  running" in finished.output
        assert "pool default (least_connections, static)" in finished.output
        (row,) = [line for line in finished.output.splitlines() if up["name"] in line]
        assert " up " in row
        assert "tcp: ok" in row
        (row,) = [line for line in finished.output.splitlines() if down["name"] in line]
        assert " down " in row
        assert "7 backup" in row
        assert "connection refused" in row
    await client.finish()


async def test_status_without_an_instance_says_what_is_missing(proxy: Proxy) -> None:
    finished = await tidegate("status", "--url", f"127.0.0.1:{free_port()}")
    assert (finished.code, finished.output) == (1, "")
    assert "Connection refused: is an instance running" in finished.errors
    finished = await tidegate("status", "--url", f"{proxy.admin_url}/nothing/here")
    assert (finished.code, finished.output) == (1, "")
    assert "is this Tidegate's admin address?" in finished.errors
    finished = await tidegate("status", ADMIN="nonsense")
    assert finished.code == 1
    assert "TIDEGATE_ADMIN" in finished.errors


class Terminal:
    """A command in a terminal of its own, with what is on the screen so far."""

    def __init__(self, *arguments: str) -> None:
        self._primary, replica = pty.openpty()
        termios.tcsetwinsize(replica, (40, 160))
        self.process = subprocess.Popen(
            ["env", "-u", "COLUMNS", "-u", "LINES", "setsid", "--ctty", sys.executable, "-m", "tidegate", *arguments],
            env=environment({}) | {"TERM": "xterm"},
            stdin=replica, stdout=replica, stderr=replica,
        )  # fmt: skip
        os.close(replica)
        self.raw = ""

    @property
    def shown(self) -> str:
        """Everything printed so far, without colours and movements."""
        while select.select([self._primary], [], [], 0)[0]:
            try:
                self.raw += os.read(self._primary, 65536).decode(errors="replace")
            except OSError:  # the other end has been closed
                break
        return ESCAPES.sub("", self.raw)

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._primary, keys)

    def has_ended(self) -> bool:
        """Whether the command has ended; what it prints is read, for it waits when nobody does."""
        return bool(self.shown) and self.process.poll() is not None

    def close(self) -> None:
        """End the command."""
        self.process.kill()
        self.process.wait()
        os.close(self._primary)


async def test_top_updates_until_ctrl_c(proxy: Proxy) -> None:
    terminal = Terminal("top", "--url", proxy.admin_url, "--interval", "0.2")
    try:
        await until(lambda: "sent/s" in terminal.shown and "connection refused" in terminal.shown)
        client = await connect(proxy.port)
        await client.ask(b"x" * 100_000)
        await until(lambda: re.search(r"\d\.\d KiB", terminal.shown.rpartition("tidegate ")[2]))
        await client.finish()
        terminal.press(CTRL_C)
        await until(terminal.has_ended)
        assert terminal.process.returncode == 0
        assert "Traceback" not in terminal.shown
    finally:
        terminal.close()


async def test_top_says_when_the_instance_is_gone_and_goes_on() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name) as short_lived:
        terminal = Terminal("top", "--url", short_lived.admin_url, "--interval", "0.2")
        try:
            await until(lambda: "sent/s" in terminal.shown)
            assert await short_lived.stop() == 0
            await until(lambda: "is an instance running" in terminal.shown)
            assert terminal.process.poll() is None
        finally:
            terminal.close()


async def test_top_without_an_instance_ends_with_1() -> None:
    finished = await tidegate("top", "--url", f"http://127.0.0.1:{free_port()}")
    assert finished.code == 1
    assert "Connection refused" in finished.errors


async def test_running_loads_nothing_that_only_other_commands_need() -> None:
    script = (
        "import sys; import tidegate.__main__;"
        "print(*sorted({'typer', 'rich', 'kubernetes', 'click', 'pygments', 'IPython', 'h2', 'regex'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output == b"\n"


async def test_a_running_proxy_maps_no_library_of_c_plus_plus(proxy: Proxy) -> None:
    maps = await asyncio.to_thread(Path(f"/proc/{proxy.process.pid}/maps").read_text, encoding="utf-8")
    assert "libssl" in maps
    assert "libstdc++" not in maps
    assert "greenlet" not in maps


async def test_running_reads_the_certificates_of_the_system_only_when_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = tmp_path / "certificates"
    os.mkfifo(certificates)  # to read them is to wait for ever
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
    async with running_proxy(BACKENDS="127.0.0.1:1", HEALTH__TYPE="none"):
        pass


async def test_a_running_proxy_takes_little_memory(proxy: Proxy) -> None:
    assert proportional_set_size(proxy.process.pid) < 50e6
    for pid in await proxy.worker_pids():
        assert proportional_set_size(pid) < 15e6


async def test_no_command_is_the_command_run() -> None:
    for finished in await asyncio.gather(tidegate(BACKENDS="nonsense"), tidegate("run", BACKENDS="nonsense")):
        assert finished.code == 64
        assert "TIDEGATE_BACKENDS" in finished.errors


async def test_the_console_format_is_for_people() -> None:
    async with running_backend(echo) as backend:
        admin = free_port()
        settings = {"LISTEN": f"127.0.0.1:{free_port()}", "ADMIN": f"127.0.0.1:{admin}", "BACKENDS": backend.name}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tidegate", env=environment({**settings, "LOG__FORMAT": "console"}),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = b""
            while b"backend_up" not in line:
                line = await process.stdout.readline()
                assert line
            process.send_signal(signal.SIGINT)
            rest = await process.stdout.read()
            assert b"stopped" in rest.splitlines()[-1]
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
