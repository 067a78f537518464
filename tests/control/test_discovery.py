"""Backends from the settings, with a real resolver: what it cannot say never takes a backend away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from os import close

from app.control import clock
from app.control.counters import Counters
from app.control.discovery.static import StaticDiscovery
from app.control.pools import LivePool
from app.core.backend import State
from app.core.pool import BackendAdded, Change, StateChanged
from app.link.board import Board
from app.settings import PoolSettings
from tests.support.waiting import until

LITERAL, LOCAL, UNKNOWN = "127.0.0.9:7001", "localhost:7002", "nobody.invalid:7003"


@contextmanager
def pool_of(backends: str, health: str = "none") -> Iterator[tuple[LivePool, list[Change]]]:
    """A pool that nobody probes, and the changes that it announces."""
    board = Board.create(1)
    announced: list[Change] = []
    settings = PoolSettings.model_validate({"backends": backends, "health": {"type": health}})
    try:
        yield LivePool("chat", settings, "static", Counters(board), lambda _, changes: announced.extend(changes)), announced
    finally:
        close(board.descriptor)


@asynccontextmanager
async def discovering(pool: LivePool) -> AsyncIterator[None]:
    """Discovery at work; it has spoken once when this begins."""
    task = asyncio.ensure_future(StaticDiscovery(pool).run())
    try:
        await until(lambda: bool(pool.snapshot.members))
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_discovery_trouble_never_empties_a_pool() -> None:
    with pool_of(f"{LITERAL},{LOCAL},{UNKNOWN}") as (pool, announced):
        async with discovering(pool):
            assert list(pool.snapshot.members) == [LITERAL, LOCAL, UNKNOWN]
            hosts = [member.backend.host for member in pool.snapshot.members.values()]
            assert hosts == ["127.0.0.9", "127.0.0.1", ""]
            assert pool.snapshot.eligible == 2
            assert pool.discovery.events["failed"] == 1
            assert (pool.discovery.synced, pool.discovery.last_sync) == (False, None), "one name is still to be found"
        before = list(announced)
        # The same trouble again, as after 30 seconds, in a discovery that has never resolved anything.
        async with discovering(pool):
            await until(lambda: pool.discovery.events["failed"] == 2)
        assert list(pool.snapshot.members) == [LITERAL, LOCAL, UNKNOWN]
        assert pool.snapshot.eligible == 2
        assert announced == before, "nothing has changed, so nobody is told anything"


async def test_without_names_discovery_speaks_once_and_ends() -> None:
    with pool_of(f"{LITERAL} weight=2, [::1]:7004 backup") as (pool, announced):
        started = clock.now()
        await StaticDiscovery(pool).run()
        assert pool.discovery.synced
        assert pool.discovery.last_sync is not None
        assert pool.discovery.last_sync >= started
        assert [type(change) for change in announced] == [BackendAdded, BackendAdded, StateChanged, StateChanged]
        one, two = (member.backend for member in pool.snapshot.members.values())
        assert (one.name, one.host, one.port, one.weight) == (LITERAL, "127.0.0.9", 7001, 2)
        assert (two.name, two.host, two.backup) == ("[::1]:7004", "::1", True)


async def test_a_checked_backend_waits_for_its_first_probe() -> None:
    with pool_of(f"{LITERAL},{LOCAL}", health="tcp") as (pool, _):
        async with discovering(pool):
            assert pool.snapshot.count_by_state()[State.CHECKING] == 2
            assert not pool.settled.is_set()
            pool.probed(LITERAL, None, 0.001)
            assert not pool.settled.is_set()
            pool.probed(LOCAL, "connection refused", 0.001)
            assert pool.settled.is_set()
            assert (pool.snapshot.eligible, pool.ready) == (1, True)
