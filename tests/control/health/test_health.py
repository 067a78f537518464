"""Health checks end to end: when a state changes, who learns of it, when probes happen, and how little they may read."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from time import monotonic
from typing import Any

from tests.support.backends import TestBackend, answering, echo, http_answer, running_backend, silent
from tests.support.clients import connect
from tests.support.named_pools import named_pools
from tests.support.ports import free_port
from tests.support.proxy import Proxy, running_proxy, total
from tests.support.waiting import until

GOOD, BAD = http_answer("200 OK"), http_answer("500 Internal Server Error")
MANY, INTERVAL = 50, 0.5


async def test_routing_metric_log_and_status_never_disagree_about_a_backend() -> None:
    async with (
        running_backend(echo) as steady,
        running_backend(echo) as flaky,
        running_proxy(
            BACKENDS=f"{steady.name},{flaky.name}",
            BALANCE="round_robin",
            HEALTH__INTERVAL="150ms",
            HEALTH__TIMEOUT="150ms",
            HEALTH__RISE=2,
            HEALTH__FALL=2,
        ) as proxy,
        scrapes_that_agree_with_themselves(proxy),
    ):
        for _ in range(3):
            position = len(proxy.log)
            await flaky.stop()
            await proxy.event("backend_down", after=position, backend=flaky.name, previous="up")
            await everyone_says(proxy, flaky, "down")
            await connections_go_to(proxy, [steady])
            position = len(proxy.log)
            await flaky.start()
            await proxy.event("backend_up", after=position, backend=flaky.name, previous="down")
            await everyone_says(proxy, flaky, "up")
            await connections_go_to(proxy, [steady, flaky])
        assert [line["event"] for line in proxy.log if line.get("backend") == flaky.name and "previous" in line] == [
            "backend_up", *["backend_down", "backend_up"] * 3
        ]  # fmt: skip


async def everyone_says(proxy: Proxy, backend: TestBackend, state: str) -> None:
    backends, samples = await asyncio.gather(proxy.backends(), proxy.samples())
    assert backends[backend.name]["state"] == state
    labels = {("pool", "default"), ("backend", backend.name)}
    assert samples["tidegate_backend_up", frozenset(labels)] == (state == "up")
    assert samples["tidegate_backend_state", frozenset({*labels, ("state", state)})] == 1
    assert total(samples, "tidegate_pool_backends", state="down") == (state == "down")


async def connections_go_to(proxy: Proxy, backends: Sequence[TestBackend]) -> None:
    used = set()
    for _ in range(6):
        client = await connect(proxy.port)
        assert await client.ask(b"hello") == b"hello"
        await client.finish()
        closed = await proxy.event("session_closed", client=client.address)
        used.add(closed["backend"])
        assert closed["attempts"] == 1, "nobody dialled a backend that is down"
    assert used == {backend.name for backend in backends}


@asynccontextmanager
async def scrapes_that_agree_with_themselves(proxy: Proxy) -> AsyncIterator[None]:
    """Scrape all the time; every single scrape must tell one story."""

    async def scrape() -> None:
        while True:
            samples = await proxy.samples()
            states = [dict(labels)["state"] for name, labels in samples if name == "tidegate_backend_state"]
            ups = [value for (name, _), value in samples.items() if name == "tidegate_backend_up"]
            counted = {
                dict(labels)["state"]: value for (name, labels), value in samples.items() if name == "tidegate_pool_backends"
            }
            assert sum(ups) == states.count("up") == counted["up"]
            assert states.count("down") == counted["down"]
            assert len(states) == len(ups)

    task = asyncio.ensure_future(scrape())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Script:
    """An HTTP backend that passes (`+`) and fails (`-`) as written, then keeps to the last of it."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.asked_at: list[float] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        result = self.script[min(len(self.asked_at), len(self.script) - 1)]
        self.asked_at.append(time.time())
        writer.write(GOOD if result == "+" else BAD)
        await writer.drain()

    async def finished(self) -> None:
        """Wait until the whole script and one more probe have been played."""
        await until(lambda: len(self.asked_at) > len(self.script))


async def test_a_state_needs_exactly_rise_or_fall_equal_results_in_a_row() -> None:
    scripts = {"exact": Script("+--+----+-++"), "flapping": Script("+-" * 8 + "+"), "slow": Script("-+-+--++")}
    async with AsyncExitStack() as stack:
        backends = {name: await stack.enter_async_context(running_backend(script)) for name, script in scripts.items()}
        checks = {
            "HEALTH__TYPE": "http", "HEALTH__INTERVAL": "150ms", "HEALTH__TIMEOUT": "150ms", "HEALTH__RISE": 2,
            "HEALTH__FALL": 3, "READY__MIN_BACKENDS": 0,
        }  # fmt: skip
        pools = {name: {"BACKENDS": backend.name, **checks} for name, backend in backends.items()}
        proxy = await stack.enter_async_context(running_proxy(**named_pools(**pools)))
        await asyncio.gather(*(script.finished() for script in scripts.values()))

        def changes(pool: str) -> list[tuple[str, int]]:
            """Each change, and after how many probes it came."""
            lines = [line for line in proxy.log if line.get("pool") == pool and "previous" in line]
            return [(line["event"], probes_before(scripts[pool], line["timestamp"])) for line in lines]

        assert changes("exact") == [("backend_up", 1), ("backend_down", 7), ("backend_up", 12)]
        assert changes("flapping") == [("backend_up", 1)], "results that alternate change nothing"
        assert changes("slow") == [("backend_down", 1), ("backend_up", 8)]
        assert proxy.events("backend_down", pool="exact")[0]["reason"] == "expected status 200-399, got 500"
        assert await proxy.stop() == 0


def probes_before(script: Script, timestamp: str) -> int:
    when = datetime.fromisoformat(timestamp).timestamp()
    return sum(asked < when for asked in script.asked_at)


async def test_fifty_backends_are_probed_once_per_interval_and_not_at_one_moment() -> None:
    async with AsyncExitStack() as stack:
        backends = [await stack.enter_async_context(running_backend(echo)) for _ in range(MANY)]
        settings: dict[str, Any] = {
            "BACKENDS": ",".join(backend.name for backend in backends),
            "HEALTH__INTERVAL": f"{INTERVAL}s",
        }
        proxy = await stack.enter_async_context(running_proxy(**settings))
        since = monotonic() + INTERVAL
        await until(lambda: all(count_since(backend, since) >= 4 for backend in backends))
        span = monotonic() - since
        assert await proxy.stop() == 0
        for backend in backends:
            assert count_since(backend, since) <= span / (INTERVAL * 0.9) + 2
        moments = sorted(moment for backend in backends for moment in backend.accepted_at if moment >= since)
        crowds = Counter(int((moment - since) / (INTERVAL / 10)) for moment in moments)
        large = [size for size in crowds.values() if size >= MANY / 2]
        assert len(large) <= 1, "spread over the interval, but for a moment in which the test itself may have stood still"


def count_since(backend: TestBackend, since: float) -> int:
    return sum(moment >= since for moment in backend.accepted_at)


async def test_a_failure_that_a_worker_sees_is_probed_at_once() -> None:
    async with (
        running_backend(echo) as steady,
        running_backend(echo) as dying,
        running_proxy(
            BACKENDS=f"{steady.name},{dying.name}",
            BALANCE="round_robin",
            HEALTH__INTERVAL="10s",
            HEALTH__TIMEOUT="1s",
            HEALTH__FALL=2,
            OUTLIERS__FAILURES=0,
        ) as proxy,
    ):
        await dying.stop()
        died_at = monotonic()

        async def served_until_it_is_down() -> bool:
            client = await connect(proxy.port)
            assert await client.ask(b"hello") == b"hello", "another backend is tried"
            await client.finish()
            return bool(proxy.events("backend_down"))

        await until(served_until_it_is_down)
        assert monotonic() - died_at < 3, "much earlier than fall times the interval"
        assert proxy.events("backend_down")[0]["backend"] == dying.name
        samples = await proxy.samples()
        assert total(samples, "tidegate_backend_connect_failures_total", backend=dying.name, reason="refused") >= 2
        assert total(samples, "tidegate_backend_health_checks_total", backend=dying.name, result="failure") >= 2
        assert await proxy.stop() == 0


async def test_probes_ask_as_told_and_follow_no_redirect() -> None:
    asked: dict[str, list[bytes]] = {"told": [], "plain": [], "moved": [], "elsewhere": []}
    async with AsyncExitStack() as stack:
        told, plain, elsewhere = [
            await stack.enter_async_context(running_backend(answering(http_answer(status), requests=asked[name])))
            for name, status in (("told", "204 No Content"), ("plain", "404 Not Found"), ("elsewhere", "200 OK"))
        ]
        redirect = http_answer("302 Found", f"Location: http://{elsewhere.name}/")
        moved = await stack.enter_async_context(running_backend(answering(redirect, requests=asked["moved"])))
        backend = await stack.enter_async_context(running_backend(echo))
        pools = {
            "told": {
                "BACKENDS": backend.name, "HEALTH__PORT": told.port, "HEALTH__HOST": "chat.example",
                "HEALTH__PATH": "/health?deep=1", "HEALTH__EXPECT_STATUS": "204",
            },
            "plain": {"BACKENDS": plain.name, "READY__MIN_BACKENDS": 0},
            "moved": {"BACKENDS": moved.name, "READY__MIN_BACKENDS": 0, "HEALTH__EXPECT_STATUS": "200-299"},
        }  # fmt: skip
        settings = named_pools(**{name: {"HEALTH__TYPE": "http", **pool} for name, pool in pools.items()})
        proxy = await stack.enter_async_context(running_proxy(**settings))
        found = await proxy.pools()
        results = [found[name].popitem()[1]["health"]["last_result"] for name in pools]
        assert await proxy.stop() == 0
        assert backend.accepted_at == [], "only the other port is probed"
        assert asked["told"][0].startswith(b"GET /health?deep=1 HTTP/1.1\r\n")
        assert b"\r\nHost: chat.example\r\n" in asked["told"][0]
        assert f"\r\nHost: {plain.name}\r\n".encode() in asked["plain"][0]
    assert results == ["ok", "expected status 200-399, got 404", "expected status 200-299, got 302"]
    assert asked["elsewhere"] == []


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: bytes, more: bytes) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(start)
    while True:
        writer.write(more)
        await writer.drain()


async def endless_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await endless(reader, writer, b"HTTP/1.1 200 OK\r\nX-Long: ", b"a" * 65536)


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await endless(reader, writer, b"HTTP/1.1 200 OK\r\n", b"X-Header: value\r\n" * 4096)


async def endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await endless(reader, writer, b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65536)


async def a_byte_at_a_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    for byte in GOOD:
        writer.write(bytes([byte]))
        await writer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read()  # until the prober has had enough


async def test_probes_read_little_wait_little_and_leave_nothing_open() -> None:
    peers = {
        "line": (endless_line, "http", "down"),
        "headers": (endless_headers, "http", "down"),
        "body": (endless_body, "http", "up"),
        "drip": (a_byte_at_a_time, "http", "down"),
        "mute": (silent, "http", "down"),
        "upgrade": (endless_body, "websocket", "down"),
        "session": (silent, "socketio", "down"),
        "fine": (answering(GOOD), "http", "up"),
        "plain": (echo, "tcp", "up"),
    }
    async with AsyncExitStack() as stack:
        pools = {}
        for name, (behaviour, kind, _) in peers.items():
            backend = await stack.enter_async_context(running_backend(behaviour))
            pools[name] = {
                "BACKENDS": backend.name, "HEALTH__TYPE": kind, "HEALTH__INTERVAL": "150ms", "HEALTH__TIMEOUT": "150ms",
                "READY__MIN_BACKENDS": 0,
            }  # fmt: skip
        proxy = await stack.enter_async_context(running_proxy(**named_pools(**pools)))
        await until(lambda: probes_so_far(proxy, 80))
        before = await proxy.samples()
        await until(lambda: probes_so_far(proxy, 250))
        found = await proxy.pools()
        states = {name: backend["state"] for name in peers for backend in found[name].values()}
        assert states == {name: state for name, (_, _, state) in peers.items()}
        reasons = {
            "drip": "no complete answer in 150ms: sent ",
            "mute": "no answer in 150ms after sending ",
            "session": "no answer in 150ms after sending ",
        }
        for name, reason in reasons.items():
            (backend_now,) = found[name].values()
            assert backend_now["health"]["last_result"].startswith(reason)
        now = await proxy.samples()
        assert total(now, "process_resident_memory_bytes") - total(before, "process_resident_memory_bytes") < 10e6
        assert abs(total(now, "process_open_fds") - total(before, "process_open_fds")) < len(peers) * 3
        assert proxy.events("internal_error") == []
        assert await proxy.stop() == 0


async def endless_continue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await endless(reader, writer, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1024)


async def test_a_backend_that_never_gets_beyond_continue_does_not_starve_control() -> None:
    checks: dict[str, Any] = {"HEALTH__TYPE": "http", "HEALTH__INTERVAL": "200ms", "HEALTH__TIMEOUT": "200ms"}
    async with (
        running_backend(endless_continue) as backend,
        running_proxy(BACKENDS=backend.name, READY__MIN_BACKENDS=0, **checks) as proxy,
    ):
        memory = await proxy.metrics("process_resident_memory_bytes")
        await until(lambda: probes_so_far(proxy, 5))
        (health,) = [found["health"] for found in (await proxy.backends()).values()]
        assert health["latency_seconds"] < 1
        samples = await proxy.samples()
        assert total(samples, "tidegate_event_loop_lag_seconds", process="control") < 0.5
        assert total(samples, "process_resident_memory_bytes") - memory < 20e6


async def probes_so_far(proxy: Proxy, count: int) -> bool:
    return await proxy.metrics("tidegate_backend_health_checks_total") >= count


async def test_without_checks_a_backend_is_up_and_never_asked() -> None:
    async with running_backend(echo) as backend:
        nobody = f"127.0.0.1:{free_port()}"
        async with running_proxy(BACKENDS=f"{backend.name},{nobody}", HEALTH__TYPE="none", CONNECT_ATTEMPTS=1) as proxy:
            await until(lambda: has_refused_a_client(proxy))
            for name, found in (await proxy.backends()).items():
                assert (found["state"], found["health"]["type"]) == ("up", "none"), name
                assert (found["health"]["last_check"], found["health"]["last_result"]) == (None, None)
            samples = await proxy.samples()
            assert total(samples, "tidegate_backend_health_checks_total") == 0
            assert total(samples, "tidegate_backend_connect_failures_total", backend=nobody) >= 1
            connections = total(samples, "tidegate_backend_connections_total", backend=backend.name)
            assert len(backend.accepted_at) == connections, "nobody but clients connects"
            assert await proxy.stop() == 0


async def has_refused_a_client(proxy: Proxy) -> bool:
    with suppress(ConnectionResetError):  # which may come as early as that
        client = await connect(proxy.port)
        await client.close()
    return bool(proxy.events("session_closed", reason="connect_failed"))
