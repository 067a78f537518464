"""Worker processes as control keeps them, at times that the test gives."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from app.control.totals import Totals
from app.control.workers import Workers
from app.core.silence import STUCK_AFTER
from app.link.board import Board
from app.link.messages import Hello
from tests.support.waiting import until

TICK = 0.5


@asynccontextmanager
async def one_worker() -> AsyncIterator[Workers]:
    """A worker that knows no pool."""
    board = Board.create(1)
    hello = Hello(65536, "auto", log_sessions=False, log_console=False)
    workers = Workers(1, Totals(board), lambda worker: worker.send(hello), lambda _: None, lambda _: None, os.environ)
    workers.start()
    try:
        await until(lambda: workers.all[0].process)
        yield workers
    finally:
        workers.stop()
        await workers.kill()
        os.close(board.descriptor)


async def test_a_worker_that_hangs_is_killed_and_said_once_and_one_that_was_frozen_with_control_is_not() -> None:
    async with one_worker() as workers:
        (worker,) = workers.all
        process = worker.process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        with capture_logs() as log:
            for now in (0.0, TICK, TICK + 35.0, 2 * TICK + 35.0):
                workers.kill_stuck(now)
            assert not worker.killed
            for tick in range(3 * int(STUCK_AFTER / TICK)):
                workers.kill_stuck(100.0 + tick * TICK)  # and the process cannot end before the loop runs
            await until(lambda: worker.restarts == 1 and worker.process)
        killed = [line for line in log if line["event"] == "worker_killed"]
        assert [(line["pid"], line["reason"]) for line in killed] == [(process.pid, "stuck for 30 s")]
        assert process.returncode == -signal.SIGKILL
        assert not worker.killed
