"""Sessions that are closed on an order: which ones, how fast, and what ends it."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.dataplane.route import Route, route
from tests.support.peers import Listening, Peer, blackhole, connect, echo, listening, serving
from tests.support.waiting import until
from tests.support.worker import Worker
from tidegate.core.pools.backend import Backend
from tidegate.link.messages import CloseSessions, KeepSessions

FEW = 6


def close(worker: Worker, backend: Backend | Listening, **order: Any) -> None:
    """Order it, in the pool `default`; without more words all sessions, at once."""
    name = backend.name if isinstance(backend, Backend) else str(backend.address)
    usual = {"reason": "backend_down", "most": 0, "keep": 0, "window": 0.0, "rate": 0.0}
    worker.channel.send(CloseSessions("default", name, **{**usual, **order}))


def times(worker: Worker, reason: str = "backend_down") -> list[float]:
    """When sessions were closed for this reason, in Unix seconds."""
    lines = worker.events("session_closed", reason=reason)
    return [datetime.fromisoformat(line["timestamp"]).timestamp() for line in lines]


async def works(client: Peer, backend: Peer) -> bool:
    await client.send(b"ping")
    return await backend.read_exactly(4) == b"ping"


async def sessions(way: Route, count: int) -> list[tuple[Peer, Peer]]:
    return [await way.session() for _ in range(count)]


async def seen_by_a_sweep(worker: Worker, pairs: Sequence[tuple[Peer, Peer]]) -> None:
    """Exchange bytes, and wait until the worker knows when these sessions were last active."""
    for pair in pairs:
        assert await works(*pair)
    clients = {f"127.0.0.1:{client.port}" for client, _ in pairs}

    async def noticed() -> bool:
        listed = (await worker.sessions()).sessions
        return max(entry.idle_seconds for entry in listed if entry.client in clients) < min(
            (entry.idle_seconds for entry in listed if entry.client not in clients), default=1e9
        )

    await until(noticed)


async def test_all_sessions_of_the_backend_end_as_resets_with_the_reason_of_the_order(worker: Worker) -> None:
    async with route(worker) as way:
        pairs = await sessions(way, FEW)
        close(worker, way.backend)
        for client, backend in pairs:
            assert await client.was_reset()
            assert await backend.was_reset()
        await until(lambda: len(times(worker)) == FEW)
        assert worker.active == 0


async def test_sessions_of_other_backends_live_on(worker: Worker) -> None:
    async with route(worker) as way, serving(echo) as other:
        pairs = await sessions(way, FEW)
        worker.set_backends([way.backend.backend()], eligible=False)
        worker.set_backends([other.backend()], first_slot=1)
        await worker.sessions()
        with await connect(way.port) as client:
            await client.send(b"ping")
            assert await client.read_exactly(4) == b"ping"
            close(worker, way.backend)
            assert all([await client.was_reset() for client, _ in pairs])
            await client.send(b"pong")
            assert await client.read_exactly(4) == b"pong"


async def test_the_longest_idle_go_first_and_the_busy_ones_stay_when_not_all_are_to_go(worker: Worker) -> None:
    async with route(worker) as way:
        pairs = await sessions(way, FEW)
        await seen_by_a_sweep(worker, pairs[:2])
        await seen_by_a_sweep(worker, pairs[2:4])
        close(worker, way.backend, reason="rebalance", most=4, rate=20)
        await until(lambda: len(worker.events("session_closed")) == 4)
        order = [line["client"] for line in worker.events("session_closed", reason="rebalance")]
        expected = [f"127.0.0.1:{client.port}" for client, _ in pairs]
        assert order == [*expected[4:], *expected[:2]]
        for pair in pairs[2:4]:
            assert await works(*pair)


async def test_closing_is_spread_over_the_window(worker: Worker) -> None:
    async with route(worker) as way:
        await sessions(way, 20)
        close(worker, way.backend, window=1.5)
        await until(lambda: len(times(worker)) == 20)
        when = times(worker)
        assert when[-1] - when[0] > 1.1
        assert max(sum(moment <= other < moment + 0.25 for other in when) for moment in when) <= 8


async def test_no_second_sees_more_than_the_rate_and_the_window_gets_longer(worker: Worker) -> None:
    async with route(worker) as way:
        await sessions(way, 15)
        close(worker, way.backend, window=0.1, rate=10)
        await until(lambda: len(times(worker)) == 15)
        when = times(worker)
        assert max(sum(moment <= other < moment + 0.95 for other in when) for moment in when) <= 10
        assert len({round(later - earlier, 3) for earlier, later in pairwise(when)}) > 5, "with jitter"


async def test_orders_of_one_pool_share_its_rate(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        worker.add_pool()
        worker.set_backends([first.backend(), second.backend()])
        port = await worker.add_listener()
        for _ in range(14):
            stack.enter_context(await connect(port))
        await until(lambda: worker.active == 14)
        close(worker, first, rate=10)
        close(worker, second, rate=10)
        await until(lambda: len(times(worker)) == 14)
        when = times(worker)
        assert max(sum(moment <= other < moment + 0.9 for other in when) for moment in when) <= 11


async def test_closing_stops_where_the_backend_has_no_more_than_its_share(worker: Worker) -> None:
    async with route(worker) as way:
        await sessions(way, FEW)
        close(worker, way.backend, reason="rebalance", most=FEW, keep=FEW - 2)
        await until(lambda: times(worker, "rebalance"))  # what is closed in one round is logged together
        assert len((await worker.sessions()).sessions) == FEW - 2
        assert len(times(worker, "rebalance")) == 2


async def test_closing_ends_when_control_says_so(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        worker.add_pool()
        worker.set_backends([first.backend(), second.backend()])
        port = await worker.add_listener()
        for _ in range(40):
            stack.enter_context(await connect(port))
        await until(lambda: worker.active == 40)
        close(worker, first, rate=20)
        await until(lambda: len(times(worker)) >= 2)
        worker.channel.send(KeepSessions("default", str(first.address)))
        worker.channel.send(KeepSessions("default", "no.such.backend:1"))
        kept = len((await worker.sessions(backend=str(first.address))).sessions)
        assert kept > 0
        close(worker, second, reason="rebalance", rate=20)  # as long as the first would have taken
        await until(lambda: len(times(worker, "rebalance")) == 20)
        assert len((await worker.sessions(backend=str(first.address))).sessions) == kept


async def test_sessions_of_a_backend_that_has_been_removed_can_still_be_closed(worker: Worker) -> None:
    async with route(worker) as way:
        pairs = await sessions(way, FEW)
        worker.remove_backends([way.backend.backend()])
        close(worker, way.backend, reason="backend_removed", window=0.5)
        assert all([await client.was_reset() for client, _ in pairs])
        assert len(await until(lambda: times(worker, "backend_removed")[FEW - 1 :])) == 1


async def test_a_session_that_still_dials_the_backend_goes_on_to_another_one(worker: Worker) -> None:
    async with blackhole() as stuck, serving(echo) as alive:
        worker.add_pool(connect_timeout=0.7)
        worker.set_backends([stuck])
        port = await worker.add_listener()
        with await connect(port) as client:
            await until(lambda: worker.active == 1)
            worker.set_backends([stuck], eligible=False)
            worker.set_backends([alive.backend()], first_slot=1)
            close(worker, stuck)
            await client.send(b"ping")
            assert await client.read_exactly(4) == b"ping"
            client.end()
        closed = await worker.closed()
        assert (closed["reason"], closed["attempts"], closed["backend"]) == ("client_eof", 2, str(alive.address))


async def test_a_session_that_comes_to_be_after_its_turn_is_closed_then(worker: Worker) -> None:
    with listening(backlog=0) as slow, await connect(slow.address.port):
        await until(lambda: slow.waiting)
        worker.add_pool(connect_timeout=30.0)
        worker.set_backends([slow.backend()])
        port = await worker.add_listener()
        with await connect(port) as client:
            await until(lambda: worker.active == 1)
            close(worker, slow)
            await worker.sessions()
            with await slow.accept(), await slow.accept():
                assert await client.was_reset()
        closed = await worker.closed()
        assert (closed["reason"], closed["attempts"], closed["connect_ms"] > 0) == ("backend_down", 1, True)
