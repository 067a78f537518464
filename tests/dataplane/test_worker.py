"""A worker as a process: what it loads and weighs, how it drains, stops and outlives signals, and what it leaves behind."""

import asyncio
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import pytest

from tests.dataplane.processor import QUIET, processor_time_of_a_second
from tests.dataplane.route import Route, route
from tests.support.peers import Peer, connect, dead_backend, echo, payload, serving
from tests.support.splice import SPLICE
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.dataplane import worker as dataplane
from tidegate.dataplane.loop.handler import CannotGoOnError
from tidegate.link.board import Board
from tidegate.link.messages import Drain, Hello
from tidegate.link.signals import MEANINGLESS

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE
HEAVY = (
    "pydantic",
    "aiohttp",
    "h11",
    "kubernetes",
    "prometheus_client",
    "typer",
    "rich",
    "structlog",
    "yaml",
    "hashlib",
    "libcrypto",
)


# What it weighs


def test_a_worker_imports_nothing_heavy_and_nothing_of_control_or_the_settings() -> None:
    program = "import sys, tidegate.dataplane.worker; print(*sys.modules, sep='\\n')"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    forbidden = (*HEAVY, "pydantic_settings", "pydantic_core", "tidegate.settings", "tidegate.control", "tidegate.cli")
    assert [module for module in modules if module.startswith(forbidden)] == []
    assert "tidegate.dataplane.relay.direction" in modules


async def test_a_running_worker_has_no_extension_of_a_heavy_library_mapped(worker: Worker) -> None:
    async with route(worker) as way:
        await way.session()
        libraries = mapped_libraries(worker)
    assert any("orjson" in library for library in libraries)
    assert [library for library in libraries for name in HEAVY if f"/{name}" in library] == []


@pytest.mark.memory
async def test_sessions_of_every_fate_are_freed_at_once_without_the_garbage_collector(worker: Worker) -> None:
    async with serving(echo) as alive:
        worker.add_pool(connect_attempts=1)
        worker.set_backends([alive.backend(), dead_backend()])
        port = await worker.add_listener()
        await live_and_die(port, 200)
        before = worker.own_memory
        await live_and_die(port, 1500)
        await until(lambda: worker.active == 0)
        assert worker.own_memory - before < 512 * KILOBYTE  # a session takes more than one


async def live_and_die(port: int, count: int) -> None:
    """One after the other: half of them are refused, of the others most end cleanly and some in the middle."""
    for number in range(count):
        with await connect(port) as client, suppress(OSError):
            await client.send(b"ping")
            await client.read_exactly(4)
            if number % 3:
                client.end()
                await client.read_all()


def mapped_libraries(worker: Worker) -> set[str]:
    lines = Path(f"/proc/{worker.process.pid}/maps").read_text().splitlines()
    return {line.split()[-1] for line in lines if ".so" in line}


@pytest.mark.memory
async def test_a_bare_worker_weighs_less_than_fifteen_megabytes(worker: Worker) -> None:
    async with route(worker) as way:
        await way.session()
        assert worker.memory < 15 * MEGABYTE


async def open_sessions(way: Route, stack: ExitStack, count: int) -> list[Peer]:
    """So many sessions that have exchanged a byte; answers their clients."""
    clients = []
    for _ in range(count):
        client = stack.enter_context(await connect(way.port))
        backend = stack.enter_context(await way.backend.accept())
        await client.send(b"x")
        assert await backend.read() == b"x"
        clients.append(client)
    return clients


@pytest.mark.memory
async def test_five_thousand_idle_sessions_cost_less_than_two_kilobytes_each(worker: Worker) -> None:
    sessions, rounds = 5000, []
    async with route(worker) as way:
        with ExitStack() as stack:  # what is needed once, whatever comes
            await open_sessions(way, stack, 50)
        await until(lambda: worker.active == 0)
        bare = worker.own_memory
        for _ in range(4):
            with ExitStack() as stack:
                clients = await open_sessions(way, stack, sessions)
                assert worker.active == sessions
                rounds.append(worker.own_memory)
                for client in clients:
                    client.reset()
                await until(lambda: worker.active == 0)
    assert rounds[0] - bare < sessions * 2 * KILOBYTE
    # The last ones live where those before did. Python takes memory by the MiB, so one more says nothing.
    assert rounds[3] - rounds[1] < sessions * KILOBYTE / 5 * 2


@pytest.mark.memory
async def test_a_burst_of_ten_thousand_short_connections_leaves_nothing_behind(worker: Worker) -> None:
    async def knock(number: int, port: int) -> None:
        client = await connect(port)
        with client:
            if number % 4 == 1:
                await client.send(payload(100, number))
            elif number % 4 == 2:
                client.end()
            elif number % 4 == 3:
                client.reset()

    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        descriptors = worker.descriptors
        await asyncio.gather(*(knock(number, port) for number in range(500)))
        await until(lambda: worker.active == 0)
        memory = worker.own_memory
        for _ in range(19):
            await asyncio.gather(*(knock(number, port) for number in range(500)))
            await until(lambda: worker.active == 0)
        await until(lambda: worker.descriptors == descriptors)
        assert worker.own_memory - memory < MEGABYTE
        with await connect(port) as client:
            await client.send(b"ping")
            assert await client.read_exactly(4) == b"ping"
        assert await worker.stop() == 0
    assert len(await until(lambda: worker.events("session_closed")[10_000:])) == 1


async def test_a_second_greeting_doubles_no_periodic_work(worker: Worker) -> None:
    for _ in range(3000):
        worker.channel.send(Hello(65536, SPLICE, log_sessions=True, log_console=False))
    await worker.sessions()
    assert await processor_time_of_a_second(worker) < QUIET


# How it ends


def broken() -> None:
    raise ValueError("a bug")


def cannot_go_on() -> None:
    raise CannotGoOnError("too bad")


def test_a_bug_in_what_a_worker_cannot_do_without_ends_it(capfd: pytest.CaptureFixture[str]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = dataplane.Worker(0, Board.create(1), theirs)
        worker.poller.call_later(0.0, broken, cannot_go_on)
        worker.poller.call_later(1.0, worker.poller.stop)
        with pytest.raises(CannotGoOnError):
            worker.run()
    assert "ValueError: a bug" in capfd.readouterr().out


async def test_when_the_link_closes_a_worker_resets_its_sessions_and_ends(worker: Worker) -> None:
    async with route(worker) as way:
        client, backend = await way.session()
        worker.channel.close()
        assert await client.was_reset()
        assert await backend.was_reset()
        assert await worker.exit_code() == 1
        await worker.event("control_lost", sessions=1)
        assert (await worker.closed())["reason"] == "error"


async def test_signals_are_left_to_control(worker: Worker) -> None:
    async with route(worker) as way:
        client, backend = await way.session()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, *MEANINGLESS):
            worker.process.send_signal(number)
        await worker.sessions()
        await client.send(b"ping")
        assert await backend.read_exactly(4) == b"ping"
        await way.session()
        assert worker.process.returncode is None


async def test_stop_resets_all_sessions_at_once_and_loses_no_log_line(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        with ExitStack() as stack:
            clients = [stack.enter_context(await connect(port)) for _ in range(2000)]
            await until(lambda: worker.active == 2000)
            assert await worker.stop() == 0
            assert all(await asyncio.gather(*(client.was_reset() for client in clients)))
    await until(lambda: len(worker.events("session_closed", reason="drain")) == 2000)


async def test_a_drain_refuses_new_clients_lets_sessions_finish_and_ends_with_the_last(worker: Worker) -> None:
    async with route(worker) as way:
        pairs = [await way.session() for _ in range(3)]
        worker.channel.send(Drain(60.0))
        await worker.sessions()
        worker.forget_listener()
        with pytest.raises(ConnectionRefusedError):
            await connect(way.port)
        for client, backend in pairs:
            await client.send(b"ping")
            assert await backend.read_exactly(4) == b"ping"
            assert worker.process.returncode is None
            client.end()
            assert await backend.read() == b""
            backend.end()
        assert await worker.exit_code() == 0
    assert [line["reason"] for line in worker.events("session_closed")] == ["client_eof"] * 3


async def test_a_drain_without_sessions_ends_at_once(worker: Worker) -> None:
    async with route(worker):
        worker.channel.send(Drain(60.0))
        assert await worker.exit_code() == 0


async def test_whoever_the_kernel_has_let_in_before_a_drain_is_served(worker: Worker) -> None:
    async with route(worker) as way:
        worker.process.send_signal(signal.SIGSTOP)
        worker.channel.send(Drain(60.0))
        clients = [await way.client() for _ in range(200)]
        worker.process.send_signal(signal.SIGCONT)
        for client in clients:
            with await way.backend.accept() as backend:
                backend.end()
            client.end()
        assert await worker.exit_code() == 0
    assert len(worker.events("session_closed")) == 200


async def test_a_drain_closes_what_remains_spread_over_the_end_of_the_grace_idle_sessions_first() -> None:
    async with running_worker() as worker, route(worker) as way:
        idle = [await way.session() for _ in range(20)]
        busy = [await way.session() for _ in range(20)]
        idle_names = {f"127.0.0.1:{client.port}" for client, _ in idle}
        draining = asyncio.create_task(drain(worker, 2.5))
        while not draining.done():
            for client, backend in busy:
                await exchange(client, backend)
            await asyncio.sleep(0.02)
        assert await draining == 0
        for peer in (peer for pair in idle for peer in pair):
            assert await peer.was_reset()
        lines = worker.events("session_closed")
        assert [line["reason"] for line in lines] == ["drain"] * 40
        assert {line["client"] for line in lines[:20]} == idle_names
        times = [datetime.fromisoformat(line["timestamp"]).timestamp() for line in lines]
        assert times[-1] - times[0] > 0.15  # of the 0.375 seconds between four fifths of the grace and its margin


async def test_sessions_that_end_by_themselves_while_others_are_closed_are_counted_once(worker: Worker) -> None:
    async with route(worker) as way:
        pairs = [await way.session() for _ in range(40)]
        draining = asyncio.create_task(drain(worker, 2.5))
        await until(lambda: worker.active < 40)
        for client, _ in pairs:
            client.reset()
        assert await draining == 0
    reasons = [line["reason"] for line in worker.events("session_closed")]
    assert len(reasons) == 40
    assert set(reasons) == {"drain", "client_reset"}


async def drain(worker: Worker, grace: float) -> int:
    worker.channel.send(Drain(grace))
    return await worker.exit_code()


async def exchange(client: Peer, backend: Peer) -> None:
    """A byte, unless the session has been closed."""
    with suppress(OSError):
        await client.send(b"x")
        await backend.read()
