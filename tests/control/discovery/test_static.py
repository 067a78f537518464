"""Backends from the settings, with a real resolver: what it cannot say never takes a backend away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from itertools import pairwise
from os import close
from time import monotonic

from tests.support.waiting import until
from tidegate.control import clock
from tidegate.control.discovery.look_ups import LookUps
from tidegate.control.discovery.static import LookUp, StaticDiscovery
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.totals import Totals
from tidegate.core.address import Address
from tidegate.core.pools.backend import State
from tidegate.core.pools.snapshot import BackendAdded, Change, PanicChanged, StateChanged
from tidegate.link.board import Board
from tidegate.settings.parts.pool import PoolSettings

LITERAL, LOCAL, UNKNOWN = "127.0.0.9:7001", "localhost:7002", "nobody.invalid:7003"


@contextmanager
def pool_of(backends: str, health: str = "none") -> Iterator[tuple[LivePool, list[Change | PanicChanged]]]:
    """A pool that nobody probes, and the changes that it announces."""
    board = Board.create(1)
    announced: list[Change | PanicChanged] = []
    settings = PoolSettings.model_validate({"backends": backends, "health": {"type": health}})
    try:
        yield LivePool("chat", settings, "static", Totals(board), lambda _, changes: announced.extend(changes)), announced
    finally:
        close(board.descriptor)


@asynccontextmanager
async def discovering(
    pool: LivePool, resolver: LookUp | None = None, interval: float = 30.0
) -> AsyncIterator[StaticDiscovery]:
    """Discovery at work; it has spoken once when this begins."""
    discovery = StaticDiscovery(pool, resolver or LookUps().find, interval)
    task = asyncio.ensure_future(discovery.run())
    try:
        await until(lambda: bool(pool.snapshot.members))
        yield discovery
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Resolver:
    """Answers what a test says; an answer of nothing is a failure."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked_at: list[float] = []

    @property
    def asked(self) -> int:
        return len(self.asked_at)

    async def __call__(self, name: Address) -> list[str]:
        self.asked_at.append(monotonic())
        if not self.addresses:
            raise OSError(2, f"nobody knows {name}")
        return self.addresses


async def test_discovery_trouble_never_empties_a_pool() -> None:
    resolver = Resolver("127.0.0.2")
    with pool_of(f"{LITERAL},{LOCAL}") as (pool, announced):
        async with discovering(pool, resolver, interval=0.01):
            before = pool.snapshot
            assert [member.backend.host for member in before.members.values()] == ["127.0.0.9", "127.0.0.2"]
            told = list(announced)
            resolver.addresses = []
            failed = resolver.asked
            await until(lambda: resolver.asked > failed + 3)  # the answer before the last has been published
            assert not pool.discovery.synced
            assert pool.discovery.reason == f"{LOCAL}: nobody knows {LOCAL}"
            assert pool.snapshot == before, "the last known addresses stay"
            assert announced == told, "nothing has changed, so nobody is told anything"
            resolver.addresses = ["127.0.0.3"]
            await until(lambda: pool.snapshot.members[LOCAL].backend.host == "127.0.0.3")
            await until(lambda: pool.discovery.synced and pool.discovery.reason is None)


async def test_backends_have_the_order_of_the_settings_also_while_a_name_is_not_resolved_yet() -> None:
    answer = asyncio.Event()

    async def slow(_: Address) -> list[str]:
        await answer.wait()
        return ["127.0.0.2"]

    with pool_of(f"{LOCAL},{LITERAL}") as (pool, _):
        async with discovering(pool, slow):
            assert [(name, member.backend.order) for name, member in pool.snapshot.members.items()] == [(LITERAL, 1)]
            answer.set()
            await until(lambda: LOCAL in pool.snapshot.members)
            assert pool.snapshot.members[LOCAL].backend.order == 0


async def test_a_backend_keeps_its_address_while_the_name_still_has_it() -> None:
    resolver = Resolver("127.0.0.2", "127.0.0.3")
    with pool_of(LOCAL) as (pool, announced):
        async with discovering(pool, resolver, interval=0.01):
            told = list(announced)
            resolver.addresses = ["127.0.0.4", "127.0.0.2"]
            asked = resolver.asked
            await until(lambda: resolver.asked > asked + 3)
            assert pool.snapshot.members[LOCAL].backend.host == "127.0.0.2"
            assert announced == told


async def test_an_unknown_name_does_not_keep_the_others_from_being_used() -> None:
    with pool_of(f"{LITERAL},{LOCAL},{UNKNOWN}") as (pool, _):
        async with discovering(pool):
            await until(lambda: len(pool.snapshot.members) == 3)
            hosts = [member.backend.host for member in pool.snapshot.members.values()]
            assert hosts == ["127.0.0.9", "127.0.0.1", ""]
            assert pool.snapshot.eligible == 2
            assert pool.discovery.events["failed"] == 1
            assert (pool.discovery.synced, pool.discovery.last_sync) == (False, None), "one name is still to be found"


async def test_without_names_discovery_speaks_once_and_ends() -> None:
    with pool_of(f"{LITERAL} weight=2, [::1]:7004 backup") as (pool, announced):
        started = clock.now()
        await StaticDiscovery(pool, LookUps().find).run()
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
            await until(lambda: pool.snapshot.count(State.CHECKING) == 2)
            assert not pool.settled.is_set()
            pool.probed(LITERAL, None, 0.001)
            assert not pool.settled.is_set()
            pool.probed(LOCAL, "connection refused", 0.001)
            assert pool.settled.is_set()
            assert (pool.snapshot.eligible, pool.ready) == (1, True)


async def test_a_name_that_is_slow_to_resolve_keeps_no_other_backend_waiting() -> None:
    answer: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    async def slow(_name: Address) -> list[str]:
        return await answer

    with pool_of(f"{LITERAL},{LOCAL}") as (pool, _):
        async with discovering(pool, slow):
            assert list(pool.snapshot.members) == [LITERAL]
            assert not pool.discovery.synced
            assert pool.settled.is_set()
            answer.set_result(["127.0.0.2"])
            await until(lambda: list(pool.snapshot.members) == [LITERAL, LOCAL])
            assert pool.discovery.synced


async def test_a_name_is_looked_up_again_at_once_when_its_backend_cannot_be_reached_and_at_most_once_a_second() -> None:
    resolver = Resolver("127.0.0.2")
    with pool_of(f"{LITERAL},{LOCAL}") as (pool, _):
        async with discovering(pool, resolver, interval=3600) as discovery:
            await until(lambda: LOCAL in pool.snapshot.members)
            resolver.addresses = ["127.0.0.3"]

            def is_found_after(asked: int) -> bool:
                discovery.refresh(LITERAL)
                discovery.refresh(LOCAL)
                return resolver.asked > asked

            for asked in (1, 2, 3):
                await until(partial(is_found_after, asked))
            assert pool.snapshot.members[LOCAL].backend.host == "127.0.0.3"
            assert all(later - earlier > 0.97 for earlier, later in pairwise(resolver.asked_at))
