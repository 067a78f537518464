"""When a rebalance begins, what each worker is told, and what ends it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from os import close
from time import monotonic

from tests.support.logs import captured_events
from tests.support.waiting import until
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.pools.rebalancer import MARGIN, Rebalancer
from tidegate.control.totals import Totals
from tidegate.control.workers.processes import Workers
from tidegate.core.pools.backend import Backend
from tidegate.core.pools.snapshot import Change, PanicChanged
from tidegate.core.reasons import CloseReason
from tidegate.link.board import BACKENDS, CLOSED_CELL, POOLS, BackendCell, Board
from tidegate.link.channel import Channel
from tidegate.link.messages import CloseSessions, KeepSessions, Message, Ready
from tidegate.settings.parts.pool import PoolSettings

OLD, NEW, SPARE = (Backend(f"10.0.0.{number}:80", f"10.0.0.{number}", 80) for number in (1, 2, 3))
BACKUP = Backend("10.0.0.9:80", "10.0.0.9", 80, backup=True)


def _settings(slow_start: str, **rebalance: object) -> PoolSettings:
    given = {
        "backends": "10.0.0.1:80",
        "health": {"type": "tcp", "rise": 1, "fall": 1},
        "rebalance": {"mode": "on", "delay": 0, "rate": 8, **rebalance},
        "slow_start": slow_start,
    }
    return PoolSettings.model_validate(given)


class Bench:
    """A pool and its rebalancer; each of two workers is the other end of a link, and a row of the board to play with."""

    def __init__(self, board: Board, slow_start: str, **settings: object) -> None:
        self.board, self.totals = board, Totals(board)
        self.received: list[list[Message]] = [[], []]
        self.workers = Workers(2, self.totals, lambda _: None, lambda *_: None, {})
        self.serving = True
        self.pool = LivePool("chat", _settings(slow_start, **settings), "static", self.totals, self._changed)
        self.rebalancer = Rebalancer(self.pool, self.totals, self.workers)

    def configure(self, **settings: object) -> None:
        """Change the settings of the rebalance."""
        self.pool.configure(_settings("0s", **settings))
        self.rebalancer.configure()

    def _changed(self, _pool: LivePool, changes: tuple[Change | PanicChanged, ...]) -> None:
        self.rebalancer.changed(changes, serving=self.serving)

    def up(self, *backends: Backend) -> None:
        """Their probes pass."""
        for backend in backends:
            self.pool.probed(backend.name, None, 0.001)

    def down(self, backend: Backend) -> None:
        """Its probe fails."""
        self.pool.probed(backend.name, "refused", 0.001)

    def start(self, backends: Iterable[Backend], up: Iterable[Backend]) -> None:
        """Discover and probe before anybody is served."""
        self.serving = False
        self.pool.discovered(backends)
        self.up(*up)
        self.serving = True

    def hold(self, backend: Backend, *of_workers: int) -> None:
        """So many connections has each worker."""
        for worker, count in enumerate(of_workers):
            cell = BACKENDS.cell(self.pool.slots[backend.name], BackendCell.ACTIVE)
            self.board.cells[self.board.base(worker) + cell] = count

    def tick(self, seconds: float = 0.0) -> None:
        """It is so many seconds later."""
        self.rebalancer.tick(monotonic() + seconds)

    def closed(self, worker: int, count: int) -> None:
        """A worker has closed so many for rebalancing."""
        self.board.cells[self.board.base(worker) + POOLS.cell(self.pool.slot, CLOSED_CELL[CloseReason.REBALANCE])] += count

    async def orders(self, worker: int) -> list[Message]:
        """What a worker has been told since the last time."""
        end = Ready("end of the test's question")
        self.workers.all[worker].send(end)  # type: ignore[arg-type]  # messages keep their order
        await until(lambda: end in self.received[worker])
        told = self.received[worker][:-1]
        self.received[worker].clear()
        return told


@asynccontextmanager
async def bench(slow_start: str = "0s", **settings: object) -> AsyncIterator[Bench]:
    """With rebalancing on, without a delay, at 8 sessions per second."""
    board = Board.create(2)
    it = Bench(board, slow_start, **settings)
    loop = asyncio.get_running_loop()
    channels = []
    for worker, received in zip(it.workers.all, it.received, strict=True):
        ours, theirs = socket.socketpair()
        worker.channel = Channel(loop, ours, received.append, lambda: None)
        channels += [worker.channel, Channel(loop, theirs, received.append, lambda: None)]
    try:
        yield it
    finally:
        for channel in channels:
            channel.close()
        close(board.descriptor)


def order(backend: Backend, most: int, keep: int, rate: float = 4.0) -> CloseSessions:
    return CloseSessions("chat", backend.name, "rebalance", most, keep, 0.0, rate)


async def test_after_growth_each_worker_closes_its_part_of_the_excess() -> None:
    async with bench() as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 30, 10)
        it.up(NEW)
        it.tick()
        assert await it.orders(0) == [order(OLD, 15, 20)]
        assert await it.orders(1) == [order(OLD, 5, 20)]


async def test_a_backend_that_joins_is_growth_too_and_a_worker_that_has_nothing_to_close_is_left_alone() -> None:
    async with bench() as it:
        it.start([OLD], up=[OLD])
        it.hold(OLD, 0, 8)
        it.pool.discovered([OLD, NEW])
        it.tick()
        assert await it.orders(1) == [], "it is not usable yet"
        it.up(NEW)
        it.tick()
        assert (await it.orders(0), await it.orders(1)) == ([], [order(OLD, 4, 4)])


async def test_neither_the_start_nor_a_loss_is_growth() -> None:
    async with bench() as it:
        it.start([OLD, NEW, SPARE], up=[OLD, NEW, SPARE])
        it.hold(OLD, 50, 50)
        it.tick()
        it.down(SPARE)
        it.tick()
        it.pool.discovered([OLD, NEW])
        it.tick()
        assert await it.orders(0) == []


async def test_it_waits_until_the_pool_has_been_quiet_for_the_delay() -> None:
    async with bench(delay="1h") as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 10, 10)
        it.up(NEW)
        it.tick()
        assert await it.orders(0) == []


async def test_it_waits_until_a_slow_start_is_over() -> None:
    async with bench(slow_start="1h") as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 40, 0)
        it.up(NEW)
        it.tick()
        assert await it.orders(0) == []


async def test_the_plan_is_made_once_and_a_falling_total_does_not_make_it_larger() -> None:
    async with bench() as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 20, 20)
        it.up(NEW)
        it.tick()
        assert await it.orders(0) == [order(OLD, 10, 20)]
        it.hold(OLD, 15, 15)  # nobody has come back
        it.closed(0, 10)
        it.tick()
        it.tick()
        assert await it.orders(0) == []


async def test_a_rebalance_that_is_switched_off_ends_and_one_that_is_switched_on_begins_with_the_next_growth() -> None:
    async with bench() as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 20, 20)
        it.up(NEW)
        it.tick()
        it.configure(mode="off")
        assert await it.orders(0) == [order(OLD, 10, 20), KeepSessions("chat", OLD.name)]
        it.pool.discovered([OLD, NEW, SPARE])
        it.up(SPARE)
        it.tick()
        it.configure(mode="on")
        it.tick()
        assert await it.orders(0) == [], "the growth came before"
        it.down(NEW)
        it.up(NEW)
        it.tick()
        assert [type(told) for told in await it.orders(0)] == [CloseSessions]


async def test_it_ends_when_all_is_closed_or_no_backend_is_above_its_share_any_more() -> None:
    async with bench() as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 20, 20)
        it.up(NEW)
        it.tick()
        await it.orders(0)
        it.hold(OLD, 10, 10)  # sessions have ended by themselves
        it.tick()
        assert await it.orders(0) == [KeepSessions("chat", OLD.name)]
        it.tick()
        assert await it.orders(0) == []


async def test_a_panic_is_no_growth_and_ends_a_plan_that_is_made_anew() -> None:
    async with bench() as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 20, 20)
        it.rebalancer.changed([PanicChanged("chat", True, 1, 2)], serving=True)
        it.tick()
        assert await it.orders(0) == []
        it.up(NEW)
        it.tick()
        it.rebalancer.changed([PanicChanged("chat", False, 2, 2)], serving=True)
        it.tick()
        closing = order(OLD, 10, 20)
        assert await it.orders(0) == [closing, KeepSessions("chat", OLD.name), closing]


async def test_what_an_earlier_plan_has_closed_does_not_end_a_later_one() -> None:
    async with bench() as it:
        it.start([OLD, NEW, SPARE], up=[OLD])
        for backend in (NEW, SPARE):
            it.hold(OLD, 20, 20)
            it.up(backend)
            it.tick()
            assert [type(told) for told in await it.orders(0)] == [CloseSessions]
            it.closed(0, 10)
            it.tick()
            assert await it.orders(0) == [], "half of it is left to do"
            it.closed(1, 20)
            it.tick()
            assert [type(told) for told in await it.orders(0)] == [KeepSessions]


async def test_the_log_says_when_a_plan_begins_and_ends_and_how_much_it_has_closed() -> None:
    async with bench() as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 30, 10)
        it.closed(0, 7)  # by a plan before
        with captured_events() as events:
            it.up(NEW)
            it.tick()
            it.closed(0, 3)
            it.down(NEW)
        begun, ended = ({key: event[key] for key in event if key not in {"timestamp", "level"}} for event in events)
        common = {"pool": "chat", "mode": "on"}
        assert begun == {"event": "rebalance_started", **common, "excess": 20, "backends": 1}
        assert ended == {"event": "rebalance_ended", **common, "closed": 3}


async def test_the_log_says_that_a_plan_is_not_needed_and_that_a_dry_run_has_closed_nothing() -> None:
    async with bench(mode="dry_run") as it:
        it.start([OLD, NEW, SPARE], up=[OLD])
        with captured_events() as events:
            it.up(NEW)
            it.tick()
            it.hold(OLD, 30, 10)
            it.up(SPARE)
            it.tick()
        told = [(event["event"], event["mode"], event.get("closed")) for event in events]
        assert told == [
            ("rebalance_not_needed", "dry_run", None),
            ("rebalance_started", "dry_run", None),
            ("rebalance_ended", "dry_run", 0),
        ]


async def test_a_plan_whose_time_is_up_ends() -> None:
    async with bench(rate=1000) as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 30, 10)
        it.up(NEW)
        it.tick()
        await it.orders(0)
        it.tick(seconds=MARGIN)
        assert await it.orders(0) == []
        it.tick(seconds=MARGIN + 1)
        assert await it.orders(0) == [KeepSessions("chat", OLD.name)]


async def test_a_plan_ends_and_is_made_anew_when_the_pool_changes_again() -> None:
    async with bench() as it:
        it.start([OLD, NEW, SPARE], up=[OLD, SPARE])
        it.hold(OLD, 20, 20)
        it.hold(SPARE, 20, 20)
        it.up(NEW)
        it.tick()
        assert sorted(map(str, await it.orders(0))) == sorted(map(str, [order(OLD, 6, 27), order(SPARE, 6, 27)]))
        it.down(SPARE)
        assert sorted(map(str, await it.orders(0))) == [str(KeepSessions("chat", each.name)) for each in (OLD, SPARE)]
        it.tick()
        assert await it.orders(0) == [order(OLD, 10, 20)]


async def test_backups_neither_give_nor_count_while_other_backends_are_usable() -> None:
    async with bench() as it:
        it.start([OLD, NEW, BACKUP], up=[OLD, BACKUP])
        it.hold(OLD, 5, 5)
        it.hold(BACKUP, 50, 50)
        it.up(NEW)
        it.tick()
        assert (await it.orders(0), await it.orders(1)) == ([order(OLD, 2, 5)], [order(OLD, 3, 5)])


async def test_a_dry_run_counts_and_closes_nothing() -> None:
    async with bench(mode="dry_run") as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 30, 10)
        it.up(NEW)
        it.tick()
        it.tick()
        assert await it.orders(0) == []
        assert it.pool.rebalance_dry_run == 20


async def test_nothing_is_closed_within_the_tolerance() -> None:
    async with bench(tolerance_percent=100) as it:
        it.start([OLD, NEW], up=[OLD])
        it.hold(OLD, 30, 10)
        it.up(NEW)
        it.tick()
        assert await it.orders(0) == []
