"""Worker processes as control keeps them, at times that the test gives."""

import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.logs import captured_events
from tests.support.options import LISTENER, POOL
from tests.support.waiting import until
from tidegate.control.totals import Totals
from tidegate.control.workers.handover import Handover
from tidegate.control.workers.listening_sockets import BoundListener, bind_listener
from tidegate.control.workers.processes import BACKOFF, News, Worker, Workers
from tidegate.core.address import Address
from tidegate.core.backoff import Backoff
from tidegate.core.bind import Bind
from tidegate.core.silence import STUCK_AFTER
from tidegate.core.splice import Splice
from tidegate.link.board import Board
from tidegate.link.messages import Hello, PoolAdded, SocketsLost

TICK = 0.5
ANY_PORT = Bind(Address("127.0.0.1", 0))


@asynccontextmanager
async def one_worker(backoff: Backoff = BACKOFF, **listeners: BoundListener) -> AsyncIterator[tuple[Workers, Handover]]:
    """A worker that runs and knows a pool without backends, and what hands it these listeners."""
    board = Board.create(1)
    handover = Handover(listeners)

    def introduce(worker: Worker) -> None:
        worker.send(Hello(65536, Splice.ADAPTIVE, log_sessions=False, log_console=False))
        worker.send(PoolAdded("default", 0, POOL))

    def received(worker: Worker, news: News) -> None:
        assert isinstance(news, SocketsLost)
        handover.lost(worker, news)

    totals = Totals(board)
    workers = Workers(1, totals, introduce, received, os.environ, backoff)
    workers.start()
    try:
        await until(lambda: workers.all[0].channel)
        started = totals.sign_of_life(0)
        await until(lambda: totals.sign_of_life(0) != started)
        yield workers, handover
    finally:
        workers.stop()
        await workers.kill()
        os.close(board.descriptor)


async def test_a_worker_that_hangs_is_killed_and_said_once_and_one_that_was_frozen_with_control_is_not() -> None:
    async with one_worker() as (workers, _):
        (worker,) = workers.all
        process = worker.process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        with captured_events() as log:
            for now in (0.0, TICK, TICK + 35.0, 2 * TICK + 35.0):
                workers.kill_stuck(now)
            assert not worker.killed
            for tick in range(3 * int(STUCK_AFTER / TICK)):
                workers.kill_stuck(100.0 + tick * TICK)  # and the process cannot end before the loop runs
            await until(lambda: worker.restarts == 1 and worker.process)
        killed = [line for line in log if line["event"] == "worker_killed"]
        assert [(line["pid"], line["reason"]) for line in killed] == [(process.pid, "stuck for 30 s")]
        assert process.returncode is not None
        assert not worker.killed


async def test_a_worker_that_dies_after_a_healthy_life_is_started_again_after_the_first_pause() -> None:
    async with one_worker(Backoff(first=0.01, healthy_after=1e-6)) as (workers, _):
        (worker,) = workers.all
        with captured_events() as log:
            for _ in range(3):
                await killed_and_back(worker)
        assert [line["pause_seconds"] for line in log if line["event"] == "worker_restarted"] == [0.01, 0.01, 0.01]


async def killed_and_back(worker: Worker) -> None:
    """Kill the process of a worker, and wait for the next one."""
    restarts, pid = worker.restarts, worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: worker.restarts > restarts and worker.pid)


async def test_a_worker_that_had_no_descriptors_for_its_sockets_gets_them_again() -> None:
    listener = bind_listener("default", "default", 0, LISTENER, [ANY_PORT], 1)
    async with one_worker(default=listener) as (workers, handover):
        (worker,) = workers.all
        assert worker.pid is not None
        _, hard = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (3, hard))
        with captured_events() as log:
            handover.to(worker)
            await until(lambda: [line for line in log if line["event"] == "sockets_lost"])
        assert not workers.accepting("default")
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (hard, hard))
        await until(lambda: workers.accepting("default"))
        assert worker.restarts == 0
    listener.close()
