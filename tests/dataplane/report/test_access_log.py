"""The log of a worker: the fields of its one line per session, the form for terminals, and a reader that is slow."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.dataplane.route import Route, route
from tests.support.peers import blackhole, connect, dead_backend, listening
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.link.board import LISTENERS, ListenerCell


async def one_session(way: Route) -> str:
    """Exchange 5 and 8 bytes and end; answers the address of the client."""
    client, backend = await way.session()
    name = f"127.0.0.1:{client.port}"
    await client.send(b"hello")
    assert await backend.read_exactly(5) == b"hello"
    await backend.send(b"good day")
    assert await client.read_exactly(8) == b"good day"
    client.end()
    assert await backend.read() == b""
    backend.end()
    assert await client.read() == b""
    return name


async def test_the_line_of_a_session_has_exactly_the_fields_of_the_contract(worker: Worker) -> None:
    async with route(worker) as way:
        client = await one_session(way)
        line = dict(await worker.closed())
    written = datetime.fromisoformat(line.pop("timestamp"))
    assert timedelta(0) <= datetime.now(UTC) - written < timedelta(minutes=1)
    assert re.fullmatch(r"0[0-9a-f]{6}-1", line.pop("session"))
    assert 0 < line.pop("connect_ms") < line.pop("duration_ms")
    assert line == {
        "level": "info",
        "event": "session_closed",
        "listener": "default",
        "pool": "default",
        "backend": str(way.backend.address),
        "client": client,
        "sent_bytes": 5,
        "received_bytes": 8,
        "attempts": 1,
        "reason": "client_eof",
    }


async def test_on_a_terminal_the_line_is_text() -> None:
    async with running_worker(log_console=True) as worker, route(worker) as way:
        await one_session(way)
        lines = await until(lambda: worker.text)
    assert re.fullmatch(r"\S+Z \[info     \] session_closed session=\S+ listener=default .* reason=client_eof\n", lines[0])


async def dial_thrice(worker: Worker, stack: AsyncExitStack) -> list[str]:
    """One session that is served by the third backend it tries; answers the names of the three."""
    silent = await stack.enter_async_context(blackhole())
    alive = stack.enter_context(listening())
    backends = [dead_backend(), silent, alive.backend()]
    worker.add_pool(balance="first", connect_timeout=0.1)
    worker.set_backends([replace(backend, order=order) for order, backend in enumerate(backends)])
    with await connect(await worker.add_listener()) as client, await alive.accept() as peer:
        client.end()
        assert await peer.read() == b""
        peer.end()
        assert await client.read() == b""
    return [backend.name for backend in backends]


async def test_the_line_names_every_backend_that_a_dial_to_failed_and_why(worker: Worker) -> None:
    async with AsyncExitStack() as stack:
        dead, silent, alive = await dial_thrice(worker, stack)
        line = await worker.closed(reason="client_eof")
    assert (line["backend"], line["attempts"]) == (alive, 3)
    assert line["tried"] == [{"backend": dead, "failure": "refused"}, {"backend": silent, "failure": "timeout"}]


async def test_on_a_terminal_what_was_tried_is_text_too() -> None:
    async with running_worker(log_console=True) as worker, AsyncExitStack() as stack:
        dead, silent, _ = await dial_thrice(worker, stack)
        lines = await until(lambda: worker.text)
    assert lines[0].endswith(f" reason=client_eof tried={dead}=refused,{silent}=timeout\n")


async def test_sessions_are_not_logged_when_that_is_switched_off_but_counted() -> None:
    async with running_worker(log_sessions=False) as worker, route(worker) as way:
        await one_session(way)
        await until(lambda: worker.active == 0)
        assert await worker.stop() == 0
    assert (worker.log, worker.text) == ([], [])


@pytest.mark.memory
async def test_lines_that_wait_for_a_slow_reader_take_little_memory_and_none_is_lost(worker: Worker) -> None:
    worker.add_pool()  # without a backend: each client is reset and logged
    port = await worker.add_listener()
    async with unread_log(worker):
        before = worker.own_memory
        for _ in range(30):
            clients = await asyncio.gather(*(connect(port) for _ in range(100)))
            for client in clients:
                assert await client.was_reset()
                client.close()
        assert worker.own_memory - before < 3000 * 1024  # a line is a third of a kilobyte
    await until(lambda: len(worker.events("session_closed", reason="no_backend")) == 3000)


async def test_a_reader_that_was_slow_gets_every_line_without_waiting_for_more() -> None:
    async with running_worker(descriptors=132) as worker, route(worker) as way:  # a limit of two sessions
        async with unread_log(worker):
            clients = [(await way.session())[0] for _ in range(2)]  # the worker is full, and says so to nobody
            await until(lambda: worker.cell(LISTENERS, 0, ListenerCell.ACCEPT_PAUSES))
        await worker.event("accept_paused")
        async with unread_log(worker):
            for client in clients:
                client.reset()
            await way.session()  # it has room again, and has said so to nobody
        await until(lambda: len(worker.events("session_closed", reason="client_reset")) == 2)
        assert len(worker.events("accept_resumed")) == 1


@asynccontextmanager
async def unread_log(worker: Worker) -> AsyncIterator[None]:
    """Read no log line for a while, and fill the pipe with lines that are no JSON."""
    await worker.sessions()
    stdout = worker.process.stdout
    assert stdout is not None
    transport: asyncio.ReadTransport = stdout._transport  # type: ignore[attr-defined]
    transport.pause_reading()
    descriptor = os.open(f"/proc/{worker.process.pid}/fd/1", os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(descriptor, b"x" * 1023 + b"\n")
    os.close(descriptor)
    try:
        yield
    finally:
        transport.resume_reading()
