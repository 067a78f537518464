"""The proxy is told to stop while clients are connected."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.backends import echo, running_backend
from tests.support.clients import Client, ask_all, clients, connect
from tests.support.proxy import Fields, Proxy, running_proxy
from tests.support.waiting import until

DELAY, GRACE = 1.0, 3.0
SLOWNESS = 0.003  # seconds between two pages of a log that is read slowly
SPREAD = 0.2  # the share of the grace, at its end, over which sessions are closed


async def test_after_sigterm_readiness_fails_then_listeners_close_then_sessions_finish_or_are_closed_within_the_grace() -> (
    None
):
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, WORKERS=2, DRAIN__DELAY=f"{DELAY}s", DRAIN__GRACE=f"{GRACE}s") as proxy,
        clients(proxy.port, 200) as connected,
    ):
        assert await ask_all(connected) == 200
        proxy.signal(signal.SIGTERM)
        drain = await proxy.event("drain_started", delay_seconds=DELAY, grace_seconds=GRACE)
        await readiness_fails_while_it_still_accepts(proxy)
        await new_clients_are_refused_after_the_delay(proxy, drain)
        assert await ask_all(connected) == 200, "sessions live on in the grace"
        assert await connected[0].finish() == b"", "a session may end by itself"
        finished = await proxy.event("session_closed", client=connected[0].address)
        assert finished["reason"] == "client_eof"
        await the_rest_is_reset_spread_over_the_end(connected[1:])
        assert await proxy.exit_code() == 0
        await proxy.event("stopped")
        everything_was_logged_in_time(proxy, drain)


async def readiness_fails_while_it_still_accepts(proxy: Proxy) -> None:
    status, body = await proxy.get("/readyz")
    assert (status, orjson.loads(body)) == (503, {"ready": False, "reasons": ["the process is draining"]})
    assert (await proxy.status())["state"] == "draining"
    assert await proxy.metrics("tidegate_draining") == 1
    assert (await proxy.get("/healthz"))[0] == 200
    late = await connect(proxy.port)
    assert await late.ask(b"still open?") == b"still open?"
    assert await late.finish() == b""


async def new_clients_are_refused_after_the_delay(proxy: Proxy, drain: Fields) -> None:
    async def refused() -> bool:
        try:
            client = await connect(proxy.port)
        except OSError:
            return True
        await client.close()
        return False

    await until(refused)
    now = datetime.now(tz=datetime.fromisoformat(drain["timestamp"]).tzinfo)
    assert seconds_between(drain["timestamp"], now.isoformat()) >= DELAY
    assert (await proxy.get("/readyz"))[0] == 503, "the admin port answers until the end"


async def the_rest_is_reset_spread_over_the_end(connected: Sequence[Client]) -> None:
    ends = await asyncio.gather(*(client.end() for client in connected))
    assert Counter(ends) == {"reset": len(connected)}


def everything_was_logged_in_time(proxy: Proxy, drain: Fields) -> None:
    stopped = proxy.log[-1]
    assert stopped["event"] == "stopped"
    assert seconds_between(drain["timestamp"], stopped["timestamp"]) <= DELAY + GRACE

    cut = proxy.events("session_closed", reason="drain")
    assert len(cut) == 199
    when = sorted(seconds_between(drain["timestamp"], line["timestamp"]) for line in cut)
    assert when[0] >= DELAY + GRACE * (1 - SPREAD) - 0.05
    assert when[-1] - when[0] >= GRACE * SPREAD / 2 - 0.05, "they are not closed all at one moment"
    assert max(Counter(round(moment, 1) for moment in when).values()) < len(cut) / 2
    assert len({line["session"] for line in proxy.events("session_closed")}) == len(proxy.events("session_closed"))


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


async def test_without_sessions_it_stops_at_once_and_ctrl_c_is_the_same_as_sigterm() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, DRAIN__GRACE="60s") as proxy,
    ):
        client = await connect(proxy.port)
        assert await client.ask(b"one session") == b"one session"
        proxy.signal(signal.SIGINT)
        await proxy.event("drain_started")
        assert await client.finish() == b""
        assert await proxy.exit_code(seconds=5) == 0
        await proxy.event("stopped")
        assert [line["reason"] for line in proxy.events("session_closed")] == ["client_eof"]


@pytest.mark.parametrize(("delay", "first", "second"), [("60s", "SIGTERM", "SIGTERM"), ("0s", "SIGINT", "SIGTERM")])
async def test_a_second_signal_stops_at_once(delay: str, first: str, second: str) -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, DRAIN__DELAY=delay, DRAIN__GRACE="60s", WORKERS=2) as proxy,
        clients(proxy.port, 50) as connected,
    ):
        assert await ask_all(connected) == 50
        proxy.signal(signal.Signals[first])
        await proxy.event("drain_started")
        proxy.signal(signal.Signals[second])
        assert await proxy.exit_code(seconds=5) == 0
        await proxy.event("stopped")
        assert Counter(await asyncio.gather(*(client.end() for client in connected))) == {"reset": 50}
        assert len(proxy.events("session_closed", reason="drain")) == 50
        assert proxy.log[-1]["event"] == "stopped"


class LogPipe:
    """The reading end of a proxy's standard output, read only when a test says so."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.closed = False

    async def read_slowly(self) -> list[Fields]:
        """All lines up to the end of the stream, one page every few milliseconds."""
        content = b""
        while chunk := await asyncio.to_thread(os.read, self.descriptor, 4096):
            content += chunk
            await asyncio.sleep(SLOWNESS)
        return [orjson.loads(line) for line in content.splitlines()]

    @asynccontextmanager
    async def copied_to(self, path: Path) -> AsyncIterator[None]:
        """Let a process of its own read it, as a container runtime would, until the end of the stream."""
        with path.open("wb") as file:
            reader = await asyncio.create_subprocess_exec("cat", stdin=self.descriptor, stdout=file)
        self.close()
        try:
            yield
            await reader.wait()
        finally:
            with suppress(ProcessLookupError):
                reader.kill()
            await reader.wait()

    def close(self) -> None:
        """Go away."""
        if not self.closed:
            self.closed = True
            os.close(self.descriptor)


@asynccontextmanager
async def proxy_with_log_pipe(**settings: Any) -> AsyncIterator[tuple[Proxy, LogPipe]]:
    """A proxy whose log goes into a pipe that nobody reads yet."""
    reading, writing = os.pipe()
    pipe = LogPipe(reading)
    try:
        async with running_proxy(stdout=writing, **settings) as proxy:
            os.close(writing)
            writing = -1
            yield proxy, pipe
    finally:
        pipe.close()
        if writing >= 0:
            os.close(writing)


async def short_sessions(proxy: Proxy, count: int) -> None:
    """So many clients that come, say something and go."""
    async with clients(proxy.port, count) as connected:
        assert await ask_all(connected) == count

    async def all_ended() -> bool:
        return await proxy.metrics("tidegate_connections_closed_total") == count

    await until(all_ended)


async def test_no_log_line_is_lost_when_thousands_of_sessions_are_cut(tmp_path: Path) -> None:
    async with running_backend(echo) as backend:
        settings = {"BACKENDS": backend.name, "WORKERS": 2, "DRAIN__GRACE": "60s"}
        async with (
            proxy_with_log_pipe(**settings) as (proxy, pipe),
            pipe.copied_to(tmp_path / "log"),
            clients(proxy.port, 3000) as connected,
        ):
            assert await ask_all(connected) == 3000
            proxy.signal(signal.SIGTERM)
            await until(lambda: is_draining(proxy))
            assert await proxy.stop() == 0
            addresses = {client.address for client in connected}
        lines = [orjson.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    closed = [line for line in lines if line["event"] == "session_closed"]
    assert len({line["session"] for line in closed}) == len(closed) == 3000
    assert {line["client"] for line in closed} == addresses
    assert {line["reason"] for line in closed} == {"drain"}
    assert lines[-1]["event"] == "stopped"


async def is_draining(proxy: Proxy) -> bool:
    return bool((await proxy.status())["state"] == "draining")


async def test_a_slow_reader_of_the_log_gets_every_line_and_slows_nobody() -> None:
    async with running_backend(echo) as backend:
        settings = {"BACKENDS": backend.name, "HEALTH__TYPE": "none", "WORKERS": 2, "DRAIN__GRACE": "20s"}
        async with proxy_with_log_pipe(**settings) as (proxy, pipe):
            await short_sessions(proxy, 2000)
            proxy.signal(signal.SIGTERM)
            lines = await pipe.read_slowly()
            assert await proxy.exit_code() == 0
    assert Counter(line["event"] for line in lines)["session_closed"] == 2000
    assert lines[-1]["event"] == "stopped"


async def test_a_log_that_nobody_reads_stops_neither_traffic_nor_the_exit() -> None:
    async with running_backend(echo) as backend:
        settings = {"BACKENDS": backend.name, "HEALTH__TYPE": "none", "DRAIN__GRACE": "2s"}
        async with proxy_with_log_pipe(**settings) as (proxy, _pipe):
            await short_sessions(proxy, 1000)
            assert (await proxy.get("/healthz"))[0] == 200
            assert await proxy.stop() == 0


async def test_a_log_whose_reader_has_gone_stops_neither_traffic_nor_the_exit() -> None:
    async with running_backend(echo) as backend:
        settings = {"BACKENDS": backend.name, "HEALTH__TYPE": "none", "DRAIN__GRACE": "2s"}
        async with proxy_with_log_pipe(**settings) as (proxy, pipe):
            pipe.close()
            await short_sessions(proxy, 300)
            assert (await proxy.get("/healthz"))[0] == 200
            assert await proxy.stop() == 0
