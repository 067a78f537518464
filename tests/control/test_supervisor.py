"""The life of control: what signals, deaths and clients at awkward moments must not break."""

import asyncio
import os
import re
import resource
import signal
import sys
from functools import partial
from pathlib import Path
from time import monotonic

import aiohttp
import pytest

from tests.support.backends import echo, running_backend
from tests.support.clients import connect
from tests.support.failing_task import BUG
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until
from tidegate.link.signals import MEANINGLESS

UNFINISHED = b"POST /status HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
TITLES = ("tidegate: control", "tidegate"), ("tidegate: worker 0", "tidegate: w0"), ("tidegate: worker 1", "tidegate: w1")
WITH_A_BUG = (sys.executable, "-m", "tests.support.failing_task")


async def worker_pid(proxy: Proxy) -> int:
    return (await proxy.worker_pids())[0]


async def both_workers(proxy: Proxy) -> list[int]:
    """Their process ids, once both run."""
    pids = await proxy.worker_pids()
    return pids if len(pids) == 2 else []


def open_descriptors(proxy: Proxy) -> int:
    return len(list(Path(f"/proc/{proxy.process.pid}/fd").iterdir()))


def is_called(pid: int, title: str, name: str) -> bool:
    """Whether `ps` shows a process as this, and as this where it has room for a name only."""
    process = Path(f"/proc/{pid}")
    return (process / "cmdline").read_text().rstrip("\0") == title and (process / "comm").read_text() == f"{name}\n"


def variables_of(pid: int) -> list[str]:
    """The names of the variables that a process was started with."""
    return [text.partition("=")[0] for text in Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")]


async def test_a_worker_that_cannot_be_started_is_tried_again() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name) as proxy:
        pid = await worker_pid(proxy)
        limits = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
        lowest_free = open_descriptors(proxy)
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (lowest_free - 1, limits[1]))
        os.kill(pid, signal.SIGKILL)
        lost = await proxy.event("worker_restarted")
        refused = await proxy.event("worker_restarted", after=proxy.log.index(lost) + 1)
        assert "cannot be started" in refused["ended"]
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, limits)

        async def answered() -> bool:
            client = await connect(proxy.port)
            try:
                return await client.ask(b"again") == b"again"
            except (OSError, asyncio.IncompleteReadError):
                return False
            finally:
                await client.close()

        assert await until(answered, seconds=20)
        assert await proxy.stop() == 0


async def test_a_package_of_its_name_that_lies_where_it_is_started_is_not_taken_for_its_own(tmp_path: Path) -> None:
    (tmp_path / "tidegate").mkdir()
    (tmp_path / "tidegate" / "__init__.py").write_text("raise RuntimeError('this is somebody else')")
    async with running_proxy(BACKENDS="127.0.0.1:1", HEALTH__TYPE="none", folder=tmp_path) as proxy:
        assert await proxy.worker_pids()


async def test_processes_are_called_what_they_are() -> None:
    async with running_proxy(BACKENDS="127.0.0.1:1", HEALTH__TYPE="none", WORKERS=2) as proxy:
        workers = await until(lambda: both_workers(proxy))
        for pid, (title, name) in zip((proxy.process.pid, *workers), TITLES, strict=True):
            await until(partial(is_called, pid, title, name))
        assert "TIDEGATE_WORKERS" in variables_of(proxy.process.pid), "a title leaves the variables alone"


async def test_a_worker_gets_no_setting_in_its_environment() -> None:
    async with running_proxy(
        wait=False,
        BACKENDS="127.0.0.1:1",
        WORKERS=2,
        ADMIN_TOKEN="correct-horse-battery",
        HEALTH__TYPE="redis",
        HEALTH__PASSWORD="hunter2",
    ) as proxy:
        await proxy.event("backend_down")
        first, _ = await until(lambda: both_workers(proxy))
        os.kill(first, signal.SIGKILL)
        await proxy.event("worker_restarted")
        for pid in await until(lambda: both_workers(proxy)):
            names = variables_of(pid)
            assert "PATH" in names, "all else stays"
            assert [name for name in names if name.startswith("TIDEGATE_")] == []


async def test_a_worker_that_dies_during_the_drain_delay_comes_back_with_its_listeners() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, DRAIN__DELAY="5s", DRAIN__GRACE="1s") as proxy,
    ):
        proxy.signal(signal.SIGTERM)
        await proxy.event("drain_started")
        os.kill(await worker_pid(proxy), signal.SIGKILL)
        await proxy.event("worker_restarted")
        client = await connect(proxy.port)
        assert await client.ask(b"still here") == b"still here"
        await client.finish()
        proxy.signal(signal.SIGTERM)
        assert await proxy.exit_code() == 0


@pytest.mark.parametrize("signalled", [True, False], ids=["after a signal", "by itself"])
async def test_a_task_that_fails_begins_a_drain_and_cuts_none_short(signalled: bool) -> None:  # noqa: FBT001
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, DRAIN__GRACE="60s", command=WITH_A_BUG) as proxy,
    ):
        client = await connect(proxy.port)
        if signalled:
            proxy.signal(signal.SIGTERM)
            await proxy.event("drain_started")
        proxy.signal(BUG)
        assert "a bug" in (await proxy.event("internal_error", task="a task with a bug"))["exception"]
        await proxy.event("drain_started")
        if not signalled:
            proxy.signal(signal.SIGTERM)
        for _ in range(5):
            assert b"draining" in (await proxy.get("/readyz"))[1]
            assert await client.ask(b"still here") == b"still here"
        proxy.signal(signal.SIGTERM)
        assert await client.end() == "reset", "a second signal still ends the drain"
        assert await proxy.exit_code() == 1
        assert len(proxy.events("drain_started")) == 1


async def test_a_second_signal_does_not_wait_for_a_worker_that_is_stuck() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, DRAIN__GRACE="60s") as proxy:
        os.kill(await worker_pid(proxy), signal.SIGSTOP)
        proxy.signal(signal.SIGTERM)
        await proxy.event("drain_started")
        proxy.signal(signal.SIGTERM)
        assert await proxy.exit_code(seconds=15) == 0


async def test_a_client_of_the_admin_port_cannot_hold_the_end_up() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, DRAIN__GRACE="1s") as proxy:
        held = [await connect(proxy.admin_port) for _ in range(3)]
        for client in held[1:]:
            client.writer.write(UNFINISHED)
        answer = await held[1].reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 405")
        started = monotonic()
        assert await proxy.stop() == 0
        assert monotonic() - started < 5, "a client's connection would last longer"
        for client in held:
            await client.close()


async def test_a_worker_that_gives_no_sign_of_life_is_said_and_makes_the_proxy_not_ready() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, WORKERS=2) as proxy:
        pid = (await until(partial(both_workers, proxy)))[0]
        os.kill(pid, signal.SIGSTOP)

        async def not_ready() -> bool:
            status, body = await proxy.get("/readyz")
            return status == 503 and b"worker 0: no sign of life" in body

        await until(not_ready, seconds=15)
        assert await proxy.metrics("tidegate_event_loop_lag_seconds", process="worker-0") > 4
        os.kill(pid, signal.SIGCONT)
        await proxy.ready()
        assert await proxy.stop() == 0


async def test_having_no_descriptor_for_a_probe_is_no_verdict_on_a_backend() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, HEALTH__FALL=1) as proxy:
        limits = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        await proxy.event("probe_impossible", reason="too many open files")
        client = await connect(proxy.port)
        assert await client.ask(b"still served") == b"still served"
        await client.finish()
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, limits)
        assert not proxy.events("backend_down")
        assert await proxy.stop() == 0


async def test_sigterm_right_after_the_start_ends_it_as_asked() -> None:
    async with running_backend(echo) as backend:
        for _ in range(4):
            async with running_proxy(BACKENDS=backend.name, wait=False) as proxy:
                await until(partial(catches, proxy.process.pid, signal.SIGTERM))
                assert await proxy.stop() == 0


async def test_a_signal_that_asks_for_nothing_that_it_does_ends_neither_control_nor_a_session() -> None:
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name) as proxy:
        client = await connect(proxy.port)
        assert await client.ask(b"before") == b"before"
        for number in (*MEANINGLESS, signal.SIGHUP):
            assert not ignores(proxy.process.pid, number), "programs that it starts would inherit that"
            proxy.signal(number)
            os.kill(await worker_pid(proxy), number)
        await proxy.event("signal_ignored", signal="SIGHUP", level="warning")
        assert await client.ask(b"after") == b"after"
        await client.finish()
        assert not proxy.events("worker_restarted")
        assert await proxy.stop() == 0


async def test_such_a_signal_right_after_the_start_ends_nothing_either() -> None:
    async with running_proxy(BACKENDS="127.0.0.1:1", HEALTH__TYPE="none", wait=False) as proxy:
        await until(partial(catches, proxy.process.pid, signal.SIGHUP))
        while not proxy.events("started"):
            proxy.signal(signal.SIGHUP)
            await asyncio.sleep(0)
        await proxy.ready()
        assert await proxy.stop() == 0


async def test_without_a_standard_output_it_runs_and_logs_nowhere() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, command=("sh", "-c", 'exec "$@" >&-', "sh")) as proxy,
    ):
        client = await connect(proxy.port)
        assert await client.ask(b"hello") == b"hello"
        await client.finish()
        assert await proxy.stop() == 0
        assert proxy.errors == ""


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    return _has_signal(pid, "SigCgt", number)


def ignores(pid: int, number: signal.Signals) -> bool:
    """Whether a process has told the system to ignore a signal."""
    return _has_signal(pid, "SigIgn", number)


def _has_signal(pid: int, mask: str, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition(f"{mask}:")[2].split()[0], 16) >> (number - 1) & 1)


async def test_metrics_have_the_last_numbers_of_the_process_while_it_has_no_descriptor_to_read_others() -> None:
    async with (
        running_proxy(BACKENDS="127.0.0.1:1", HEALTH__TYPE="none") as proxy,
        aiohttp.ClientSession(proxy.admin_url) as session,
    ):

        async def page() -> str:
            async with session.get("/metrics") as response:
                return await response.text()

        async def later_page() -> str:
            return "" if (text := await page()) == before else text

        before = await page()
        limits = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        without = await until(later_page)
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, limits)
        own = re.findall(r"^process_\w+", before, re.MULTILINE)
        assert "process_cpu_seconds_total" in own
        assert re.findall(r"^process_\w+", without, re.MULTILINE) == own
        assert await proxy.stop() == 0
