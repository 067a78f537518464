"""A name with several addresses is one backend at the one that works, found by its checks or by the dials that fail."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from os import close
from time import monotonic
from typing import Any

import pytest

from tests.control.health.test_prober import Bench, probing
from tests.support.backends import Behaviour, TestBackend, answering, echo, http_answer, silent
from tests.support.waiting import until
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.pools.moves import SHORTEST, Moves
from tidegate.control.totals import Totals
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import BackendAdded, BackendAltered, Change, PanicChanged, StateChanged
from tidegate.link.board import Board
from tidegate.link.messages import BackendFailed
from tidegate.settings.parts.pool import PoolSettings

NAME = "chat.internal:80"
FAST: dict[str, Any] = {"interval": "50ms", "timeout": "50ms"}


@asynccontextmanager
async def hosts(*behaviours: Behaviour) -> AsyncIterator[list[TestBackend]]:
    """Machines at so many loopback addresses, with one port."""
    machines = [TestBackend(behaviour, f"127.0.0.{number}") for number, behaviour in enumerate(behaviours, 21)]
    try:
        for machine in machines:
            machine.port = machines[0].port
            await machine.start()
        yield machines
    finally:
        for machine in machines:
            await machine.stop()


def named(machines: list[TestBackend]) -> Backend:
    """The one backend that they are, at the first address."""
    first, *others = (machine.host for machine in machines)
    return Backend(NAME, first, machines[0].port, others=tuple(others))


def place(bench: Bench) -> str:
    return bench.pool.snapshot.members[NAME].backend.host


async def test_where_the_first_address_of_a_name_refuses_the_first_check_finds_the_one_that_works() -> None:
    async with hosts(echo, echo, echo) as (first, second, third):
        await first.stop()
        await second.stop()
        async with probing([named([first, second, third])], interval="1h") as bench:
            await until(lambda: bench.states == [State.UP])
            assert place(bench) == third.host
            assert [type(change) for change in bench.announced] == [BackendAdded, BackendAltered, StateChanged]


async def test_a_name_whose_addresses_all_work_keeps_the_one_that_it_has_and_leaves_the_others_alone() -> None:
    async with hosts(echo, echo) as (first, second), probing([named([first, second])], **FAST) as bench:
        await until(lambda: bench.pool.records[NAME].passed > 5)
        bench.pool.discovered([named([second, first])])
        passed = bench.pool.records[NAME].passed
        await until(lambda: bench.pool.records[NAME].passed > passed + 3)
        assert place(bench) == first.host
        assert not second.accepted_at


async def test_a_backend_whose_address_stops_working_moves_without_going_down_and_stays_when_that_works_again() -> None:
    async with hosts(echo, echo) as (first, second), probing([named([first, second])], fall=2, **FAST) as bench:
        await until(lambda: bench.states == [State.UP])
        await first.stop()
        await until(lambda: place(bench) == second.host)
        await first.start()
        passed = bench.pool.records[NAME].passed
        await until(lambda: bench.pool.records[NAME].passed > passed + 3)
        assert place(bench) == second.host
        assert bench.states == [State.UP]


async def test_an_address_that_is_silent_or_answers_wrongly_does_not_work_either() -> None:
    wrong = (silent, answering(http_answer("503 Not Now")))
    async with (
        hosts(*wrong, answering(http_answer("200 OK"))) as machines,
        probing([named(machines)], type="http", interval="1h", timeout="200ms") as bench,
    ):
        await until(lambda: bench.states == [State.UP])
        assert place(bench) == machines[2].host


async def test_a_name_none_of_whose_addresses_works_goes_down_by_as_many_failures_as_any_backend_and_stays() -> None:
    async with hosts(echo, echo) as (first, second), probing([named([first, second])], fall=3, **FAST) as bench:
        await until(lambda: bench.states == [State.UP])
        await second.stop()
        await first.stop()
        await until(lambda: bench.states == [State.UP, State.DOWN])
        assert (bench.pool.records[NAME].failed, place(bench)) == (3, first.host)
        reason = f"connection refused at {first.host}, and no check passes at {second.host}"
        assert bench.pool.records[NAME].last_result == reason
        await second.start()
        await until(lambda: bench.states[2:] == [State.UP])
        assert place(bench) == second.host


@contextmanager
def pool_of(backend: Backend, **health: Any) -> Iterator[tuple[LivePool, list[Change | PanicChanged]]]:
    board = Board.create(1)
    announced: list[Change | PanicChanged] = []
    settings = PoolSettings.model_validate({"backends": NAME, "health": health})
    pool = LivePool("chat", settings, "static", Totals(board), lambda _, changes: announced.extend(changes))
    pool.discovered([backend])
    try:
        yield pool, announced
    finally:
        close(board.descriptor)


def refused(pool: LivePool, dials: int = 1) -> str:
    """A worker reports a failed dial; answers the address after it."""
    counts = {"dials": dials, "resets": 0, "early_ends": 0, "disputed": 0, "clients": []}
    pool.failed(BackendFailed(0, "chat", NAME, 0, **counts, reason="refused"))  # type: ignore[arg-type]
    return pool.snapshot.members[NAME].backend.host


TWO_HOSTS = Backend(NAME, "10.0.0.1", 80, others=("10.0.0.2",))


@pytest.mark.parametrize("health", [{"type": "none"}, {"type": "tcp", "address": "10.9.9.9", "initial": "up"}])
def test_a_failed_dial_moves_a_backend_whose_addresses_no_check_goes_to(health: dict[str, str]) -> None:
    with pool_of(TWO_HOSTS, **health) as (pool, announced):
        assert refused(pool) == "10.0.0.2"
        assert pool.discovery.events == {"added": 1, "altered": 1}
        assert pool.snapshot.eligible == 1
        told = len(announced)
        assert refused(pool) == "10.0.0.2", "another worker tells of the address before"
        assert len(announced) == told


def test_a_failed_dial_moves_a_backend_that_is_not_checked_itself() -> None:
    with pool_of(replace(TWO_HOSTS, no_check=True), type="tcp") as (pool, _):
        assert refused(pool) == "10.0.0.2"


def test_where_checks_go_to_the_addresses_a_failed_dial_moves_nothing() -> None:
    with pool_of(TWO_HOSTS, type="tcp", initial="up") as (pool, _):
        assert refused(pool) == "10.0.0.1"


def test_a_backend_that_is_down_is_up_with_the_first_probe_that_passes_at_another_of_its_addresses() -> None:
    with pool_of(TWO_HOSTS, type="tcp", rise=3, fall=1) as (pool, announced):
        pool.probed(NAME, "refused", 0.001)
        pool.probed(NAME, None, 0.001)
        assert pool.snapshot.members[NAME].state is State.DOWN, "it takes three at the same address"
        pool.probed(NAME, None, 0.001, "10.0.0.2")
        member = pool.snapshot.members[NAME]
        assert (member.state, member.backend.host) == (State.UP, "10.0.0.2")
        told = len(announced)
        pool.probed(NAME, "refused", 0.001, "10.0.0.9")
        assert len(announced) == told, "that is no address of it"


def test_a_dial_that_times_out_moves_a_backend_only_if_it_began_after_the_last_move() -> None:
    moves, now = Moves(connect_timeout=5.0), monotonic()
    assert moves.may_move(NAME, "refused", now)
    assert not moves.may_move(NAME, "timeout", now + 5.0)
    assert not moves.may_move(NAME, "refused", now + SHORTEST / 2)
    assert moves.may_move("other:80", "timeout", now)
    assert moves.may_move(NAME, "timeout", now + 5.0 + SHORTEST)
    assert not moves.may_move(NAME, "refused", now + 5.0 + SHORTEST)
    moves.forget(NAME)
    assert moves.may_move(NAME, "timeout", now)
