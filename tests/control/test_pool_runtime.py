"""A pool as control runs it: what its parts and the workers learn of each change, of new settings and of the end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from os import close

from tests.support.backends import TestBackend, echo, running_backend
from tests.support.waiting import until
from tidegate.control.discovery.sources import Sources
from tidegate.control.pool_runtime import PoolRuntime, SharedParts
from tidegate.control.pools.live_pool import everything
from tidegate.control.totals import Totals
from tidegate.control.workers.processes import Workers
from tidegate.core.pools.backend import State
from tidegate.link.board import Board
from tidegate.link.channel import Channel
from tidegate.link.messages import AffinityEntry, AffinityLearned, BackendFailed, BackendsChanged, Message, PoolAdded
from tidegate.settings.loading import load_settings
from tidegate.settings.model import Settings

NEVER = "1h"  # an interval that no test sees the end of


def settings_of(backend: TestBackend, **variables: str) -> Settings:
    """Settings of one pool with this backend."""
    return load_settings({"TIDEGATE_BACKENDS": backend.name, **{f"TIDEGATE_{key}": text for key, text in variables.items()}})


class Bench:
    """One pool at work, and what each of two workers has been told."""

    def __init__(self, board: Board, settings: Settings) -> None:
        self.told: list[list[Message]] = [[], []]
        totals = Totals(board)
        self.workers = Workers(2, totals, lambda _: None, lambda *_: None, {})
        self.pool = PoolRuntime("default", settings, SharedParts(totals, self.workers, Sources({}), 8), everything)
        self.live = self.pool.live

    def probes(self, backend: TestBackend) -> int:
        """How many probes of a backend have ended."""
        record = self.live.records.get(backend.name)
        return record.passed + record.failed if record else 0

    def eligible(self) -> list[list[bool]]:
        """Whether the backend may be used, each time that each worker has been told."""
        return [
            [entry.eligible for message in told if isinstance(message, BackendsChanged) for entry in message.changed]
            for told in self.told
        ]

    def all_told(self, message: Message) -> bool:
        """Whether each worker has been told this."""
        return all(message in told for told in self.told)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Bench]:
    """A pool that runs, with links to two workers."""
    board = Board.create(2)
    bench, loop = Bench(board, settings), asyncio.get_running_loop()
    channels = []
    for worker, told in zip(bench.workers.all, bench.told, strict=True):
        ours, theirs = socket.socketpair()
        worker.channel = Channel(loop, ours, lambda _: None, lambda: None)
        channels += [worker.channel, Channel(loop, theirs, told.append, lambda: None)]
    bench.pool.load()
    bench.pool.start()
    try:
        yield bench
    finally:
        await asyncio.wait([bench.pool.stop()])
        for channel in channels:
            channel.close()
        close(board.descriptor)


async def test_a_backend_is_found_and_probed_and_every_worker_learns_each_of_its_states() -> None:
    async with running_backend(echo) as backend, running(settings_of(backend, HEALTH__TYPE="tcp")) as bench:
        await until(lambda: bench.eligible() == [[False, True], [False, True]])


async def test_a_worker_that_starts_is_told_all_that_the_others_know() -> None:
    async with running_backend(echo) as backend:
        settings = settings_of(backend, HEALTH__TYPE="none", AFFINITY__TTL="60s")
        async with running(settings) as bench:
            await until(lambda: all(bench.eligible()))
            learned = [AffinityEntry("192.0.2.1", backend.name, 0.0)]
            bench.pool.affinity_learned(AffinityLearned("default", learned))
            bench.told[0].clear()
            bench.pool.introduce(bench.workers.all[0])
            options = settings.pools["default"].options
            await until(lambda: PoolAdded("default", 0, options) in bench.told[0] and len(bench.told[0]) >= 4)
            added, backends, table = bench.told[0][-3:]
            assert isinstance(added, PoolAdded)
            assert isinstance(backends, BackendsChanged)
            assert "192.0.2.1" in str(table)


async def test_new_settings_reach_the_workers_and_the_probes() -> None:
    async with running_backend(echo) as backend, running(settings_of(backend, HEALTH__TYPE="none")) as bench:
        await until(lambda: bench.live.snapshot.eligible == 1)
        settings = settings_of(backend, HEALTH__TYPE="tcp", CONNECT_TIMEOUT="7s")
        bench.pool.configure(settings)
        await until(lambda: bench.probes(backend))
        await until(lambda: bench.all_told(PoolAdded("default", 0, settings.pools["default"].options)))


async def test_a_backend_with_a_new_address_is_probed_there_at_once() -> None:
    async with (
        running_backend(echo) as backend,
        running(settings_of(backend, HEALTH__TYPE="tcp", HEALTH__INTERVAL=NEVER)) as bench,
    ):
        await until(lambda: bench.probes(backend) == 1)
        (member,) = bench.live.snapshot.members.values()
        bench.live.discovered([replace(member.backend, host="127.0.0.2")])
        await until(lambda: bench.probes(backend) == 2)
        assert bench.live.records[backend.name].last_result == "connection refused"


async def test_a_failure_that_a_worker_reports_is_followed_by_a_probe() -> None:
    async with (
        running_backend(echo) as backend,
        running(settings_of(backend, HEALTH__TYPE="tcp", HEALTH__INTERVAL=NEVER)) as bench,
    ):
        await until(lambda: bench.live.snapshot.eligible == 1)
        await backend.stop()
        bench.pool.backend_failed(BackendFailed(0, "default", backend.name, 0, 1, 0, 0, 0, [], "refused"))
        await until(lambda: bench.probes(backend) == 2)


async def test_a_pool_that_has_stopped_probes_no_more_and_its_discovery_has_ended() -> None:
    async with running_backend(echo) as backend:
        settings = settings_of(backend, HEALTH__TYPE="tcp", HEALTH__INTERVAL="50ms", HEALTH__TIMEOUT="50ms")
        async with running(settings) as stopped:
            await until(lambda: stopped.probes(backend) >= 2)
            discovery = stopped.pool.stop()
            await asyncio.wait([discovery])
            ended = stopped.probes(backend)
            async with running(settings) as other:
                await until(lambda: other.probes(backend) >= 4)
            assert stopped.probes(backend) == ended
            assert stopped.live.snapshot.count(State.UP) == 1
