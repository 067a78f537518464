"""What a worker says about sessions and dials that fail, and which sessions count as good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from tests.support.peers import (
    Listening,
    Peer,
    connect,
    dead_backend,
    listening,
)
from tests.support.waiting import until
from tests.support.worker import Worker
from tidegate.core.pools.backend import Backend
from tidegate.link.board import BACKENDS, BackendCell
from tidegate.link.messages import BackendFailed

LONG = 60.0  # an early end, where a test decides by other things than time


@asynccontextmanager
async def route_to(backend: Backend, worker: Worker, early_end: float = LONG, failures: int = 5) -> AsyncIterator[int]:
    """A listener's port in front of one backend."""
    worker.add_pool(outlier_failures=failures, early_end=early_end, connect_attempts=1)
    worker.set_backends([backend])
    yield await worker.add_listener()


@asynccontextmanager
async def session(worker: Worker, **settings: float) -> AsyncIterator[tuple[Peer, Peer]]:
    """A client and its connection at the backend."""
    with listening() as backend:
        async with route_to(backend.backend(), worker, **settings) as port:  # type: ignore[arg-type]
            with await connect(port) as client, await backend.accept() as peer:
                await until(lambda: worker.own(BACKENDS, BackendCell.TOTAL) == 1)  # a reset before that is one of the dial
                yield client, peer


def good(worker: Worker) -> int:
    return worker.own(BACKENDS, BackendCell.GOOD)


def early_ends(worker: Worker) -> int:
    return sum(report.early_ends for report in worker.failure_reports())


def disputed(worker: Worker) -> int:
    return sum(report.disputed for report in worker.failure_reports())


async def has_judged(worker: Worker, *, good_sessions: int, early: int) -> None:
    """Wait for the end of all sessions and for what is said about them."""
    await until(lambda: worker.active == 0)
    await worker.sessions()
    await until(lambda: (good(worker), early_ends(worker)) == (good_sessions, early))


@pytest.mark.parametrize("speaks_first", [True, False])
@pytest.mark.parametrize("how", ["end", "reset"])
async def test_a_session_that_the_backend_ends_at_once_without_a_byte_is_a_failure(
    worker: Worker,
    how: str,
    speaks_first: bool,  # noqa: FBT001
) -> None:
    async with session(worker) as (client, backend):
        if speaks_first:
            await client.send(b"hello")
            await backend.read_exactly(5)
        getattr(backend, how)()
        await until(lambda: early_ends(worker) + disputed(worker) == 1)
        if how == "end":
            assert worker.active == 1, "it is told as soon as the backend has ended"
            client.end()
    await has_judged(worker, good_sessions=0, early=int(not speaks_first))
    assert disputed(worker) == int(speaks_first), "what was sent may be the reason"
    assert [report.clients for report in worker.failure_reports()] == [["127.0.0.1"] if speaks_first else []]


@pytest.mark.parametrize("how", ["end", "reset"])
async def test_a_session_that_the_client_ends_first_says_nothing(worker: Worker, how: str) -> None:
    async with session(worker) as (client, backend):
        getattr(client, how)()
        if how == "end":
            assert await backend.read() == b""
            backend.reset()
    await has_judged(worker, good_sessions=0, early=0)


async def test_a_session_that_got_a_byte_is_good_however_soon_it_ends(worker: Worker) -> None:
    async with session(worker) as (client, backend):
        await backend.send(b"!")
        assert await client.read_exactly(1) == b"!"
        backend.reset()
    await has_judged(worker, good_sessions=1, early=0)


async def test_a_session_is_good_while_it_lives_once_it_got_a_byte_or_has_lived_for_long_enough(worker: Worker) -> None:
    async with session(worker) as (client, backend):
        await backend.send(b"!")
        assert await client.read_exactly(1) == b"!"
        await until(lambda: good(worker) == 1)
        worker.add_pool("mute", 1, outlier_failures=5, early_end=0.1)
        with listening() as mute:
            worker.set_backends([mute.backend()], "mute", first_slot=1)
            with await connect(await worker.add_listener("mute", 1, "mute")) as waiting, await mute.accept() as peer:
                await until(lambda: good(worker) == 2)
                peer.end()
                assert await waiting.read() == b""
                waiting.end()
        backend.end()
        client.end()
    await has_judged(worker, good_sessions=2, early=0)


async def test_an_end_is_not_early_any_more_after_the_time(worker: Worker) -> None:
    async with session(worker, early_end=0.001) as (client, backend):
        started = monotonic()
        await until(lambda: monotonic() - started > 0.005)
        backend.reset()
        assert await client.was_reset()
    await has_judged(worker, good_sessions=1, early=0)


@pytest.mark.parametrize("greeting", [b"", b"!"])
async def test_without_a_limit_of_failures_no_session_is_judged(worker: Worker, greeting: bytes) -> None:
    async with session(worker, failures=0) as (client, backend):
        await backend.send(greeting)
        assert await client.read_exactly(len(greeting)) == greeting
        backend.reset()
        assert await client.was_reset()
    await has_judged(worker, good_sessions=0, early=0)


async def end_at_once(backend: Listening, port: int) -> None:
    """One session that the backend ends before the client does."""
    with await connect(port) as client, await backend.accept() as peer:
        peer.end()
        assert await client.read() == b""
        client.end()
        await peer.read_all()


async def test_the_first_failure_is_told_at_once_and_the_last_of_a_burst_is_not_lost(worker: Worker) -> None:
    with listening() as backend:
        async with route_to(backend.backend(), worker, failures=1000) as port:
            started = monotonic()
            for _ in range(50):
                await end_at_once(backend, port)
            await until(lambda: early_ends(worker) == 50)
            reports = worker.failure_reports()
            assert reports[0] == BackendFailed(0, "default", str(backend.address), 0, 0, 0, 1, 0, [], "")
            assert len(reports) <= (monotonic() - started) / 0.1 + 2


async def test_as_many_in_a_row_as_eject_are_told_without_a_pause(worker: Worker) -> None:
    with listening() as backend:
        async with route_to(backend.backend(), worker, failures=4) as port:
            for number in range(20):
                for _ in range(4):
                    await end_at_once(backend, port)
                await go_well(backend, port, worker, number)
            await worker.sessions()
            assert early_ends(worker) == 20 * 4, "the row was complete before a good session made the worker forget it"


async def test_failures_before_a_good_session_are_not_told_after_it(worker: Worker) -> None:
    with listening() as backend:
        async with route_to(backend.backend(), worker, failures=1000) as port:
            for number in range(20):
                await end_at_once(backend, port)
                await go_well(backend, port, worker, number)
            for _ in range(3):
                await end_at_once(backend, port)
            await until(lambda: after_good(worker, 20) == 3)
            assert max(after_good(worker, sessions) for sessions in range(20)) <= 1


async def go_well(backend: Listening, port: int, worker: Worker, before: int) -> None:
    """One good session, after so many others; returns when it has been counted."""
    with await connect(port) as client, await backend.accept() as peer:
        await peer.send(b"!")
        assert await client.read_exactly(1) == b"!"
    await until(lambda: good(worker) == before + 1)


def after_good(worker: Worker, sessions: int) -> int:
    """Early ends that were told as having come after so many good sessions."""
    return sum(report.early_ends for report in worker.failure_reports() if report.good == sessions)


async def test_failed_dials_are_told_with_the_last_reason(worker: Worker) -> None:
    async with route_to(dead_backend(), worker, failures=3) as port:
        for _ in range(3):
            with await connect(port) as client:
                assert await client.was_reset()
        await until(lambda: sum(report.dials for report in worker.failure_reports()) == 3)
        assert {(report.reason, report.resets) for report in worker.failure_reports()} == {("refused", 0)}
