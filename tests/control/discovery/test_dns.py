"""Backends from DNS records, with a real server: what it cannot say never takes a backend away."""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from os import close
from time import monotonic

import pytest

from tests.support.dns_server import DnsServer, Fault, running_dns_server
from tests.support.logs import captured_events
from tests.support.waiting import until
from tidegate.control.discovery.dns import DnsDiscovery, Pauses
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.totals import Totals
from tidegate.core.backoff import Backoff
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import BackendRemoved, Change, PanicChanged
from tidegate.link.board import BACKENDS, Board
from tidegate.settings.parts.pool import PoolSettings

NAME = "chat.test."
PAUSES = Pauses(Backoff(first=0.01, longest=0.01), doubt=0.01)


@contextmanager
def pool_of(server: DnsServer, **dns: object) -> Iterator[tuple[LivePool, list[tuple[Change | PanicChanged, int]]]]:
    """A pool that nobody probes, and its changes, each with the number of questions that had been asked by then."""
    board = Board.create(1)
    announced: list[tuple[Change | PanicChanged, int]] = []
    given = {"name": NAME, "resolver": server.resolver, "timeout": "500ms", **dns}
    settings = PoolSettings.model_validate({"dns": given, "health": {"type": "none"}})

    def changed(_pool: LivePool, changes: tuple[Change | PanicChanged, ...]) -> None:
        announced.extend((change, len(server.questions)) for change in changes)

    try:
        yield LivePool("chat", settings, settings.source, Totals(board), changed), announced
    finally:
        close(board.descriptor)


@asynccontextmanager
async def discovering(pool: LivePool, pauses: Pauses = PAUSES) -> AsyncIterator[DnsDiscovery]:
    """Discovery at work; it has spoken once when this begins."""
    discovery = DnsDiscovery(pool, pauses=pauses)
    task = asyncio.ensure_future(discovery.run())
    try:
        await until(lambda: pool.discovery.synced or pool.discovery.events["failed"])
        yield discovery
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def next_question(server: DnsServer) -> float:
    """When the next question has come, on the monotonic clock."""
    asked = len(server.questions)
    await until(lambda: len(server.questions) > asked)
    return monotonic()


def names(pool: LivePool) -> list[str]:
    return list(pool.snapshot.members)


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.REFUSED, Fault.SILENCE, Fault.GARBAGE])
async def test_dns_trouble_never_empties_a_pool(fault: Fault) -> None:
    async with running_dns_server() as server:
        server.ttl = 1
        server.set(NAME, "A", "10.0.0.2", "10.0.0.1")
        with pool_of(server, port=80) as (pool, announced), captured_events() as lines:
            async with discovering(pool):
                before, told = pool.snapshot, list(announced)
                assert names(pool) == ["10.0.0.1:80", "10.0.0.2:80"]
                server.fault = fault
                await until(lambda: pool.discovery.events["failed"] > 4)
                assert not pool.discovery.synced
                assert pool.discovery.reason, "people learn why"
                assert pool.snapshot == before, "the last known backends stay"
                assert announced == told, "nothing has changed, so nobody is told anything"
                server.set(NAME, "A", "10.0.0.3")
                server.fault = None
                await until(lambda: names(pool) == ["10.0.0.3:80"])
                await until(lambda: pool.discovery.synced and pool.discovery.reason is None)
    events = [(line["event"], line["level"]) for line in lines]
    assert events == [("discovery_synced", "info"), ("discovery_failed", "warning"), ("discovery_synced", "info")]
    assert {(line["pool"], line["source"], line["name"]) for line in lines} == {("chat", "dns", NAME)}


@pytest.mark.parametrize("still_there", [True, False], ids=["no records", "no name"])
async def test_an_empty_answer_takes_the_backends_away_when_it_has_come_three_times_in_a_row(*, still_there: bool) -> None:
    async with running_dns_server() as server:
        server.ttl = 1
        server.set(NAME, "A", "10.0.0.1")
        with pool_of(server, port=80, type="a") as (pool, announced), captured_events() as lines:
            async with discovering(pool):
                if still_there:
                    server.set(NAME, "A")
                else:
                    server.remove(NAME)
                asked = len(server.questions)
                await until(lambda: not names(pool))
                ((_, asked_then),) = [change for change in announced if isinstance(change[0], BackendRemoved)]
                assert asked_then == asked + 3
                assert pool.discovery.synced, "it is an answer, and no trouble"
                server.set(NAME, "A", "10.0.0.2")
                await until(lambda: names(pool) == ["10.0.0.2:80"])
    reason = "the name has no A records" if still_there else "the name does not exist"
    empty = {line["reason"]: (line["event"], line["backends"]) for line in lines if line["level"] == "warning"}
    assert empty == {reason: ("discovery_synced", 0)}


async def test_trouble_between_two_empty_answers_starts_the_count_anew() -> None:
    async with running_dns_server() as server:
        server.ttl = 1
        server.set(NAME, "A", "10.0.0.1")
        with pool_of(server, port=80) as (pool, announced):
            async with discovering(pool):
                told, asked = list(announced), len(server.questions)
                server.faults.extend([*[Fault.NXDOMAIN] * 2, Fault.SERVFAIL, *[Fault.NXDOMAIN] * 2])
                await until(lambda: len(server.questions) > asked + 5 and pool.discovery.synced)
                assert announced == told


async def test_a_name_that_does_not_exist_yet_is_an_empty_pool_and_said_once() -> None:
    async with running_dns_server() as server:
        with pool_of(server, port=80) as (pool, _), captured_events() as lines:
            async with discovering(pool):
                await until(lambda: len(server.questions) > 5)
                assert (names(pool), pool.ready) == ([], False)
                assert pool.discovery.reason == "the name does not exist"
                server.set(NAME, "A", "10.0.0.1")
                await until(lambda: names(pool) == ["10.0.0.1:80"])
    assert [line.get("reason") for line in lines] == ["the name does not exist", None]


async def test_records_that_live_for_no_time_are_asked_for_once_a_second_and_not_more() -> None:
    async with running_dns_server() as server:
        server.ttl = 0
        server.set(NAME, "A", "10.0.0.1")
        with pool_of(server, port=80) as (pool, _):
            async with discovering(pool):
                times = [await next_question(server) for _ in range(4)]
                assert all(later - earlier > 0.97 for earlier, later in itertools.pairwise(times))


async def test_a_backend_that_cannot_be_reached_has_its_name_asked_for_at_once_and_at_most_once_a_second() -> None:
    async with running_dns_server() as server:
        server.ttl = 3600
        server.set(NAME, "A", "10.0.0.1")
        with pool_of(server, port=80, max_interval="1h") as (pool, _):
            async with discovering(pool) as discovery:
                started, asked = monotonic(), len(server.questions)

                def is_asked_for(times: int) -> bool:
                    discovery.refresh("10.0.0.1:80")
                    return len(server.questions) >= asked + times

                server.set(NAME, "A", "10.0.0.2")
                await until(lambda: is_asked_for(2))
                assert monotonic() - started > 0.97
                await until(lambda: names(pool) == ["10.0.0.2:80"])


async def test_empty_answers_do_not_come_faster_because_backends_fail() -> None:
    async with running_dns_server() as server:
        server.set(NAME, "A", "10.0.0.1")
        with pool_of(server, port=80, max_interval="1h") as (pool, _):
            async with discovering(pool, Pauses(doubt=2.0)) as discovery:
                server.remove(NAME)
                asked = len(server.questions)

                def has_asked(times: int) -> bool:
                    discovery.refresh("10.0.0.1:80")
                    return len(server.questions) >= asked + times

                await until(lambda: has_asked(1))
                started = monotonic()
                await until(lambda: has_asked(2))
                assert monotonic() - started > 1.5
                assert names(pool) == ["10.0.0.1:80"]


async def test_records_are_asked_for_again_within_the_longest_interval_however_long_they_live() -> None:
    async with running_dns_server() as server:
        server.ttl = 3600
        server.set(NAME, "A", "10.0.0.1")
        with pool_of(server, port=80, max_interval="1s") as (pool, _):
            async with discovering(pool):
                server.set(NAME, "A", "10.0.0.2")
                await until(lambda: names(pool) == ["10.0.0.2:80"])


async def test_the_order_of_the_records_changes_nothing() -> None:
    async with running_dns_server() as server:
        server.ttl = 0
        server.set(NAME, "A", "10.0.0.1", "10.0.0.2")
        with pool_of(server, port=80) as (pool, announced):
            async with discovering(pool):
                told = list(announced)
                server.set(NAME, "A", "10.0.0.2", "10.0.0.1")
                await until(lambda: len(server.questions) > 2)
                assert announced == told
                assert names(pool) == ["10.0.0.1:80", "10.0.0.2:80"]


async def test_srv_records_say_port_weight_and_which_backends_are_backups() -> None:
    async with running_dns_server() as server:
        server.set(NAME, "SRV", "10 5 8001 b.test.", "10 0 8002 a.test.", "20 9 8003 c.test.", "10 1 8004 10.0.0.9.")
        server.set("a.test.", "A", "10.0.0.1")
        server.set("b.test.", "AAAA", "fd00::2")
        server.set("c.test.", "A", "10.0.0.3")
        with pool_of(server, type="srv") as (pool, _):
            async with discovering(pool):
                assert [member.backend for member in pool.snapshot.members.values()] == [
                    Backend("10.0.0.9:8004", "10.0.0.9", 8004),
                    Backend("a.test:8002", "10.0.0.1", 8002),
                    Backend("b.test:8001", "fd00::2", 8001, weight=5),
                    Backend("c.test:8003", "10.0.0.3", 8003, weight=9, backup=True),
                ]
                assert pool.discovery.synced


async def test_a_target_keeps_its_address_while_that_is_listed_and_when_it_cannot_be_found_any_more() -> None:
    async with running_dns_server() as server:
        server.ttl = 1
        server.set(NAME, "SRV", "0 0 80 a.test.", "0 0 80 b.test.")
        server.set("a.test.", "A", "10.0.0.5")
        with pool_of(server, type="srv") as (pool, _), captured_events() as lines:
            async with discovering(pool):
                members = pool.snapshot.members
                assert [member.backend.host for member in members.values()] == ["10.0.0.5", ""]
                assert [member.state for member in members.values()] == [State.UP, State.CHECKING]
                assert not pool.discovery.synced
                server.set("a.test.", "A", "10.0.0.1", "10.0.0.5")
                server.set("b.test.", "A", "10.0.0.6")
                await until(lambda: pool.discovery.synced)
                hosts = [member.backend.host for member in pool.snapshot.members.values()]
                assert hosts == ["10.0.0.5", "10.0.0.6"]
                server.remove("a.test.")
                await until(lambda: not pool.discovery.synced)
                assert [member.backend.host for member in pool.snapshot.members.values()] == hosts
                server.set("a.test.", "A", "10.0.0.7")
                await until(lambda: pool.snapshot.members["a.test:80"].backend.host == "10.0.0.7")
    assert lines[0]["reason"] == "1 targets without an address, the first is b.test: the name does not exist"


async def test_more_backends_than_there_is_room_for_are_left_out_and_said() -> None:
    async with running_dns_server() as server:
        server.set(NAME, "A", "10.0.0.1", "10.0.0.2", "10.0.0.3")
        board = Board.create(1)
        totals = Totals(board)
        for _ in range(totals.room(BACKENDS) - 2):
            totals.allocate(BACKENDS)
        settings = PoolSettings.model_validate({"dns": {"name": NAME, "port": 80, "resolver": server.resolver}})
        pool = LivePool("chat", settings, settings.source, totals, lambda _pool, _changes: None)
        with captured_events() as lines:
            async with discovering(pool):
                assert names(pool) == ["10.0.0.1:80", "10.0.0.2:80"]
                assert pool.discovery.reason == "no room for 1 more backends"
        assert [line["reason"] for line in lines] == ["no room for 1 more backends"]
        close(board.descriptor)


async def test_control_without_a_pool_of_dns_records_does_not_load_what_asks_for_them() -> None:
    script = "import sys; import tidegate.control.serve, tidegate.control.supervisor; print('dns' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output == b"False\n"
