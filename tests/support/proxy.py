"""A real `tidegate run` process: started with settings, watched through its log, status and metrics, stopped by signals."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from prometheus_client.parser import text_string_to_metric_families

from tests.support.ports import free_port
from tests.support.splice import SPLICE
from tests.support.waiting import until

Fields = dict[str, Any]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
READY_TIMEOUT, EXIT_TIMEOUT = 10.0, 20.0


class Proxy:
    """What a test sees of a running proxy."""

    def __init__(self, process: Process, port: int, admin_port: int) -> None:
        self.process, self.port, self.admin_port = process, port, admin_port
        self.log: list[Fields] = []
        self.errors = ""
        self._seen = asyncio.Condition()
        self._answers: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_url(self) -> str:
        """Where the admin routes are."""
        return f"http://127.0.0.1:{self.admin_port}"

    async def event(self, event: str, *, seconds: float = 10.0, after: int = 0, **fields: object) -> Fields:
        """The first log line, from line `after` on, with this event and these fields; waits until it is written."""

        wanted = {"event": event, **fields}
        position = after

        def find() -> Fields | None:
            nonlocal position
            while position < len(self.log):
                line = self.log[position]
                position += 1
                if wanted.items() <= line.items():
                    return line
            return None

        try:
            async with asyncio.timeout(seconds), self._seen:
                line = await self._seen.wait_for(find)
        except TimeoutError:
            raise AssertionError(f"no {event} {fields} within {seconds} s; the log ends with\n{self.tail()}") from None
        assert line is not None
        return line

    def events(self, event: str, **fields: object) -> list[Fields]:
        """All log lines so far with this event and these fields."""
        wanted = {"event": event, **fields}
        return [line for line in self.log if wanted.items() <= line.items()]

    async def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Status and body of an admin route."""
        async with aiohttp.ClientSession() as session, session.get(self.admin_url + path, headers=headers) as response:
            body = self._answers[path] = await response.read()
            return response.status, body

    async def ready(self) -> None:
        """Wait until `/readyz` says so; what it says instead, and the log, are in the error."""
        try:
            await until(lambda: is_ready(self), seconds=READY_TIMEOUT)
        except AssertionError as error:
            answer = self._answers.get("/readyz", b"nothing")
            raise AssertionError(f"{error}\n/readyz: {answer.decode()}\n{self.tail()}") from None

    def tail(self) -> str:
        """The end of the log and what went to standard error, for the message of a test that fails."""
        return "\n".join((*map(str, self.log[-20:]), self.errors))

    async def _read_now(self, path: str) -> bytes:
        """What a route says of a moment after this call; for a second it answers all who ask with the same."""
        known = self._answers.get(path)

        async def another() -> bytes:
            _, body = await self.get(path)
            return body if body != known else b""

        return await until(another)

    async def status(self) -> Fields:
        """The JSON of `/status`, read after this call."""
        status = orjson.loads(await self._read_now("/status"))
        assert isinstance(status, dict)
        return status

    async def backends(self, pool: str = "default") -> dict[str, Fields]:
        """The backends of a pool by name, from `/status`."""
        return (await self.pools())[pool]

    async def pools(self) -> dict[str, dict[str, Fields]]:
        """The backends of all pools by name, from one `/status`."""
        pools = (await self.status())["pools"]
        return {pool["name"]: {backend["name"]: backend for backend in pool["backends"]} for pool in pools}

    async def metrics(self, name: str, **labels: str) -> float:
        """The sum of all samples of a metric (full sample name) that have these labels."""
        return total(await self.samples(), name, **labels)

    async def samples(self) -> Samples:
        """Every sample of `/metrics`, read after this call, by its name and labels."""
        body = await self._read_now("/metrics")
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(body.decode())
            for sample in family.samples
        }

    async def worker_pids(self) -> list[int]:
        """Process ids of the workers that run."""
        return [worker["pid"] for worker in (await self.status())["workers"] if worker["pid"]]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the control process."""
        self.process.send_signal(number)

    async def exit_code(self, *, seconds: float = EXIT_TIMEOUT) -> int:
        """Wait for the end."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, then the exit code."""
        self.signal(signal.SIGTERM)
        return await self.exit_code()

    async def read_log(self) -> None:
        """Collect log lines until the end of the stream, unless they go elsewhere."""
        if self.process.stdout is None:
            return
        async for line in self.process.stdout:
            async with self._seen:
                self.log.append(orjson.loads(line))
                self._seen.notify_all()

    async def read_errors(self) -> None:
        """Collect standard error until its end."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.errors += line.decode(errors="replace")


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of all samples of a metric (full sample name) that have these labels."""
    return sum(value for (found, given), value in samples.items() if found == name and labels.items() <= given)


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """The test's own environment, without any TIDEGATE_ variable, plus settings such as `HEALTH__INTERVAL="200ms"`.

    A setting that is None is left out, which takes back a default of `running_proxy`.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    return clean | {f"TIDEGATE_{name}": str(value) for name, value in settings.items() if value is not None}


@asynccontextmanager
async def running_proxy(
    *, wait: bool = True, command: tuple[str, ...] = (), stdout: int = PIPE, folder: Path | None = None, **settings: object
) -> AsyncIterator[Proxy]:
    """Run a proxy on free ports with these settings; by default return once `/readyz` says so.

    `command` goes before the interpreter, for limits such as `prlimit --nofile=256`; with `stdout` the log goes to that
    descriptor; with a `folder` the installed command is started there. The process is killed at the end if it still
    runs, and its workers with it.
    """
    port, admin_port = free_port(), free_port()
    given = {
        "LISTEN": f"127.0.0.1:{port}",
        "ADMIN": f"127.0.0.1:{admin_port}",
        "HEALTH__INTERVAL": "200ms",
        "HEALTH__TIMEOUT": "200ms",
        "DRAIN__GRACE": "2s",
        "SPLICE": SPLICE,
        **settings,
    }
    program = [str(Path(sys.executable).with_name("tidegate"))] if folder else [sys.executable, "-m", "tidegate"]
    process = await asyncio.create_subprocess_exec(
        *command, *program, "run", env=environment(given), cwd=folder, stdout=stdout, stderr=PIPE, limit=1 << 20,
        start_new_session=True,
    )  # fmt: skip
    proxy = Proxy(process, port, admin_port)
    readers = asyncio.gather(proxy.read_log(), proxy.read_errors())
    try:
        if wait:
            await proxy.ready()
        yield proxy
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await readers


async def is_ready(proxy: Proxy) -> bool:
    """Whether `/readyz` answers 200; raises when the process has ended instead."""
    if proxy.process.returncode is not None:
        raise AssertionError(f"the proxy ended with {proxy.process.returncode}: {proxy.errors}{proxy.log}")
    try:
        status, _ = await proxy.get("/readyz")
    except aiohttp.ClientError:
        return False
    return status == 200
