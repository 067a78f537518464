"""When backends are probed: at which pace, how many at a time, when not, and what a result is worth that comes too late."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from os import close
from time import sleep
from typing import Any

import pytest

from tests.support.backends import TestBackend, answering, echo, http_answer, running_backend, silent
from tests.support.ports import free_port
from tests.support.waiting import until
from tidegate.control.health.prober import Probers
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.totals import Totals
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.snapshot import BackendAdded, BackendAltered, BackendRemoved, Change, PanicChanged, StateChanged
from tidegate.core.reasons import ConnectFailure
from tidegate.link.board import BACKENDS, FAILURE_CELL, BackendCell, Board
from tidegate.settings.parts.pool import PoolSettings

NEVER = "1h"  # an interval that no test sees the end of


class Bench:
    """A pool, its probers, what it has announced, and a board to play worker on."""

    def __init__(self, board: Board, name: str, health: dict[str, Any]) -> None:
        self._board = board
        self.announced: list[Change | PanicChanged] = []
        settings = PoolSettings.model_validate({"backends": "127.0.0.1:1", "health": health})
        self.pool = LivePool(name, settings, "static", Totals(board), self._changed)
        self.probers = Probers(self.pool, 4096)

    def _changed(self, _: LivePool, changes: tuple[Change | PanicChanged, ...]) -> None:
        self.announced += changes
        if any(isinstance(change, BackendAdded | BackendRemoved) for change in changes):
            self.probers.sync()
        for change in changes:
            if isinstance(change, BackendAltered):
                self.probers.hurry(change.member.backend.name)

    def probes(self, backend: Backend) -> int:
        """How many have ended."""
        record = self.pool.records[backend.name]
        return record.passed + record.failed

    def count(self, backend: Backend, cell: int) -> None:
        """What a worker would count."""
        self._board.cells[BACKENDS.cell(self.pool.slots[backend.name], cell)] += 1

    @property
    def states(self) -> list[State]:
        """Those that backends have come to, in order."""
        return [change.member.state for change in self.announced if isinstance(change, StateChanged)]


@asynccontextmanager
async def probing(backends: Sequence[Backend], *, name: str = "chat", **health: Any) -> AsyncIterator[Bench]:
    """Probers at work on a pool of these backends."""
    board = Board.create(1)
    bench = Bench(board, name, health)
    bench.pool.discovered(backends)
    try:
        yield bench
    finally:
        bench.probers.stop()
        await until(lambda: probes_under_way(name) == 0)
        close(board.descriptor)


def probes_under_way(pool: str = "chat") -> int:
    return sum(task.get_name().startswith(f"probe {pool} ") for task in asyncio.all_tasks())


async def some_intervals(interval: str) -> None:
    """Wait until another pool has probed its backend a few times, as the clock of what does not happen."""
    other = nobody()
    async with probing([other], name="clock", interval=interval, timeout=interval) as clock:
        await until(lambda: clock.probes(other) >= 6)


def backend_of(peer: TestBackend) -> Backend:
    return Backend(peer.name, peer.host, peer.port)


def nobody() -> Backend:
    port = free_port()
    return Backend(f"127.0.0.1:{port}", "127.0.0.1", port)


async def test_a_trusted_backend_that_fails_is_asked_fast_until_it_is_down_and_then_seldom() -> None:
    backend = nobody()
    pace: dict[str, Any] = {"interval": NEVER, "fast_interval": "50ms", "down_interval": NEVER, "timeout": "50ms"}
    async with probing([backend], initial="up", fall=4, **pace) as bench:
        await until(lambda: bench.states == [State.DOWN])
        await some_intervals("50ms")
        assert bench.probes(backend) == 4
        bench.probers.hurry(backend.name)
        await until(lambda: bench.probes(backend) == 5)
        assert bench.pool.records[backend.name].last_result == "connection refused"


async def test_a_shorter_interval_also_shortens_the_wait_that_has_begun() -> None:
    backend = nobody()
    async with probing([backend], initial="up", interval=NEVER, fast_interval=NEVER, timeout="50ms") as bench:
        await until(lambda: bench.probes(backend) == 1)
        health = {"initial": "up", "interval": "50ms", "timeout": "50ms"}
        bench.pool.configure(PoolSettings.model_validate({"backends": "127.0.0.1:1", "health": health}))
        bench.probers.configure()
        await until(lambda: bench.probes(backend) > 3)


async def test_a_backend_without_checks_is_up_without_a_probe_among_others_that_are_probed() -> None:
    checked, unchecked = nobody(), replace(nobody(), no_check=True)
    async with probing([checked, unchecked], interval="50ms", timeout="50ms") as bench:
        await until(lambda: bench.probes(checked) > 3)
        bench.probers.hurry(unchecked.name)
        members = bench.pool.snapshot.members
        assert (members[checked.name].state, members[unchecked.name].state) == (State.DOWN, State.UP)
        assert bench.probes(unchecked) == 0


async def test_a_backend_that_is_down_is_asked_at_its_own_interval_and_fast_once_it_passes() -> None:
    async with running_backend(echo) as peer:
        await peer.stop()
        pace: dict[str, Any] = {"interval": NEVER, "fast_interval": "50ms", "down_interval": "60ms", "timeout": "50ms"}
        async with probing([backend_of(peer)], rise=3, **pace) as bench:
            await until(lambda: bench.probes(backend_of(peer)) >= 3)
            assert bench.states == [State.DOWN]
            await peer.start()
            await until(lambda: bench.states == [State.DOWN, State.UP])
            await some_intervals("50ms")
            assert bench.pool.records[backend_of(peer).name].passed == 3, "and no more often than usual once it is up"


async def test_no_more_probes_run_than_allowed_and_waiting_for_a_place_is_no_failure() -> None:
    most_seen = 0

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most_seen
        most_seen = max(most_seen, probes_under_way())
        await silent(reader, writer)

    async with AsyncExitStack() as stack:
        hanging = [backend_of(await stack.enter_async_context(running_backend(mute))) for _ in range(6)]
        answer = answering(http_answer("200 OK"))
        fine = backend_of(await stack.enter_async_context(running_backend(answer)))
        health: dict[str, Any] = {"type": "http", "interval": "250ms", "timeout": "250ms", "max_concurrent": 2}
        bench = await stack.enter_async_context(probing([*hanging, fine], **health))
        await until(lambda: min(bench.probes(backend) for backend in [*hanging, fine]) >= 3)
        counts = [bench.probes(backend) for backend in hanging]
        assert most_seen == 2
        assert max(counts) - min(counts) <= 2, "everybody has a turn"
        assert bench.pool.records[fine.name].failed == 0, "though it has waited for longer than the timeout"


async def test_a_backend_that_leaves_gives_its_place_back() -> None:
    async with running_backend(silent) as hanging, running_backend(answering(http_answer("200 OK"))) as fine:
        first, second = backend_of(hanging), backend_of(fine)
        async with probing([first], type="http", interval=NEVER, timeout="30m", max_concurrent=1) as bench:
            await until(lambda: hanging.connections == 1)
            bench.pool.discovered([first, second])
            bench.pool.discovered([second])
            await until(lambda: bench.probes(second) == 1)
            bench.pool.discovered([second, first])
            await until(lambda: hanging.connections == 1)
            assert bench.states == [State.UP]


async def test_a_backend_that_leaves_while_it_waits_for_a_place_is_not_probed() -> None:
    async with running_backend(silent) as hanging, running_backend(answering(http_answer("200 OK"))) as fine:
        first, gone, last = backend_of(hanging), nobody(), backend_of(fine)
        async with probing([first], type="http", interval=NEVER, timeout="30m", max_concurrent=1) as bench:
            await until(lambda: hanging.connections == 1)
            bench.pool.discovered([first, gone])
            await some_intervals("50ms")  # in which it has come due
            bench.pool.discovered([first])
            bench.pool.discovered([first, last])
            bench.pool.discovered([last])
            await until(lambda: bench.probes(last) == 1)
            assert probes_under_way() == 0


async def test_a_result_from_where_a_backend_was_says_nothing_about_where_it_is() -> None:
    async with running_backend(silent) as before, running_backend(answering(http_answer("200 OK"))) as after:
        here, there = (Backend("chat:80", "127.0.0.1", peer.port) for peer in (before, after))
        async with probing([here], type="http", interval=NEVER, timeout="300ms") as bench:
            await until(lambda: before.connections == 1)
            bench.pool.discovered([there])
            await until(lambda: bench.probes(there) == 1)
            assert bench.states == [State.UP]
            assert len(after.accepted_at) == 1


@pytest.mark.parametrize(
    ("kind", "cell", "spares"),
    [
        ("tcp", BackendCell.TOTAL, True),
        ("tcp", BackendCell.RECEIVED_BYTES, True),
        ("http", BackendCell.RECEIVED_BYTES, True),
        ("http", BackendCell.TOTAL, False),
        ("tcp", FAILURE_CELL[ConnectFailure.REFUSED], False),
        ("tcp", BackendCell.SENT_BYTES, False),
    ],
)
async def test_traffic_that_succeeds_spares_a_probe(kind: str, cell: int, spares: bool) -> None:  # noqa: FBT001
    async with running_backend(answering(http_answer("200 OK"))) as peer:
        backend = backend_of(peer)
        timing: dict[str, Any] = {"interval": "100ms", "timeout": "100ms", "skip_on_traffic": True}
        async with probing([backend], type=kind, initial="up", **timing) as bench:
            record = bench.pool.records[backend.name]

            def goes_on() -> bool:
                bench.count(backend, cell)
                return (record.skipped if spares else record.passed) >= 4

            await until(goes_on)
            assert bool(record.skipped) == spares
            assert bench.states == []


async def test_a_probe_is_not_spared_while_a_backend_is_down_or_fails_or_a_worker_asks_for_it() -> None:
    async with running_backend(echo) as peer:
        backend = backend_of(peer)
        timing: dict[str, Any] = {"interval": "100ms", "timeout": "100ms", "skip_on_traffic": True}
        async with probing([backend], fall=3, rise=2, **timing) as bench:
            record = bench.pool.records[backend.name]

            def with_traffic(ask: Callable[[], bool]) -> Callable[[], bool]:
                def answer() -> bool:
                    bench.count(backend, BackendCell.RECEIVED_BYTES)
                    return ask()

                return answer

            await until(with_traffic(lambda: record.skipped >= 2))
            await peer.stop()
            bench.probers.hurry(backend.name)
            await until(with_traffic(lambda: record.failed >= 3))
            assert bench.states == [State.UP, State.DOWN]
            skipped = record.skipped
            await peer.start()
            await until(with_traffic(lambda: bench.states == [State.UP, State.DOWN, State.UP]))
            assert record.health.successes == 2
            await until(with_traffic(lambda: record.skipped > skipped))


def stand_still(seconds: float) -> None:
    """What a bug, a full machine or a freeze does to control's loop."""
    sleep(seconds)


async def test_an_answer_that_came_while_control_stood_still_is_read_though_the_time_is_over() -> None:
    async def answer_in_the_dark(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http_answer("200 OK"))
        stand_still(0.5)

    async with running_backend(answer_in_the_dark) as peer:
        backend = backend_of(peer)
        async with probing([backend], type="http", interval="200ms", timeout="200ms", fall=1) as bench:
            await until(lambda: bench.probes(backend) >= 3)
            assert bench.states == [State.UP]
            assert bench.pool.records[backend.name].failed == 0


async def test_while_control_is_late_all_the_time_no_probe_that_times_out_counts_and_afterwards_it_does() -> None:
    late = True

    async def keep_control_late() -> None:
        while late:
            stand_still(0.04)
            await asyncio.sleep(0)

    async with running_backend(silent) as peer:
        backend = backend_of(peer)
        timing: dict[str, Any] = {"type": "http", "interval": "50ms", "timeout": "50ms", "fall": 1, "initial": "up"}
        async with probing([backend], **timing) as bench:
            task = asyncio.ensure_future(keep_control_late())
            record = bench.pool.records[backend.name]
            await until(lambda: record.late >= 2)
            assert (record.failed, bench.states) == (0, [])
            assert record.last_result == "no result: control itself was late"
            late = False
            await task
            await until(lambda: bench.states == [State.DOWN])
            assert record.last_result.startswith("no answer in 50ms")


async def test_a_backend_that_hangs_up_on_a_control_that_stood_still_is_not_blamed() -> None:
    async def lose_patience(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        stand_still(0.4)

    async with running_backend(lose_patience) as peer:
        backend = backend_of(peer)
        timing: dict[str, Any] = {"type": "http", "interval": "200ms", "timeout": "200ms", "fall": 1, "initial": "up"}
        async with probing([backend], **timing) as bench:
            record = bench.pool.records[backend.name]
            await until(lambda: record.late >= 2)
            assert (record.failed, bench.states) == (0, [])
