"""The life of the control process: bind, start everything in order, run, drain, stop."""

import asyncio
import gc
import os
import platform
import signal
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, assert_never

from tidegate import __version__
from tidegate.control.admin.server import AdminServer
from tidegate.control.descriptors import share_out
from tidegate.control.discovery.sources import Sources
from tidegate.control.log import ControlLog, event_log
from tidegate.control.pool_runtime import PoolRuntime, SharedParts
from tidegate.control.pools.cycle_guard import CycleGuard
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.process import Process
from tidegate.control.tasks import failure, spawn
from tidegate.control.totals import Totals
from tidegate.control.workers.handover import Handover
from tidegate.control.workers.inboxes import make_inboxes
from tidegate.control.workers.listening_sockets import BoundListener, bind_listener, bind_socket, refuse_taken
from tidegate.control.workers.orphans import Orphans, inherits
from tidegate.control.workers.processes import News, Worker, Workers
from tidegate.core.lifecycle import ProcessState
from tidegate.link.board import LISTENERS, Board
from tidegate.link.messages import AffinityLearned, BackendFailed, Drain, Hello, SocketsLost, Stop

if TYPE_CHECKING:
    from tidegate.settings.model import Settings

TICK = 0.5
LONGEST_START = 10.0  # seconds, of workers, before it is ready with those that accept
EXIT_TIMEOUT = 1.0  # for workers that were told to stop at once


class Supervisor:
    """Control as a whole. Nothing has been bound or started before `run`."""

    def __init__(
        self, settings: "Settings", environ: Mapping[str, str], log: ControlLog, *, log_sessions: bool, log_console: bool
    ) -> None:
        self._settings, self._control_log = settings, log
        self._totals = Totals(Board.create(settings.workers), log_sessions=log_sessions)
        self._listeners: dict[str, BoundListener] = {}
        self._handover = Handover(self._listeners)
        self._workers = Workers(settings.workers, self._totals, self._introduce, self._received, environ)
        descriptors = share_out(settings)
        self._inboxes = make_inboxes(settings.workers)
        self._hello = Hello(settings.buffer_size, settings.splice, log_sessions, log_console, bool(self._inboxes))
        live: dict[str, LivePool] = {}  # filled below: a pool needs the guard, which looks through all pools
        guard = CycleGuard(self._listeners, live)
        shared = SharedParts(self._totals, self._workers, Sources(environ), descriptors.probes)
        self._pools = {name: PoolRuntime(name, settings, shared, partial(guard.without, name)) for name in settings.pools}
        live.update({name: pool.live for name, pool in self._pools.items()})
        self._process = Process(self._totals, live, self._listeners, self._workers, log)
        token = settings.admin_token
        self._admin = AdminServer(self._process, token.reveal() if token else None, descriptors.admin)
        self._accepting = False
        self._ending = asyncio.Event()
        self._signalled = False
        self._signalled_again = asyncio.Event()

    async def run(self) -> None:
        """Serve until a signal says otherwise. Raises CannotBindError before anything has started."""
        for pool in self._pools.values():
            pool.load()
        admin = bind_socket(self._settings.admin, "admin")
        try:
            self._bind()
            self._watch_signals()
            self._log_start()
            await self._admin.start(admin)
        except BaseException:
            admin.close()
            for listener in self._listeners.values():
                listener.close()
            raise
        for pool in self._pools.values():
            pool.start()
        self._workers.start()
        spawn(self._tick(), "tick")
        spawn(self._serve_when_settled(), "start")
        spawn(self._end_after_failure(), "end after failure")
        await self._ending.wait()
        await self._stop()

    # Start

    def _bind(self) -> None:
        refuse_taken({name: listener.bind for name, listener in self._settings.listeners.items()})
        for name, listener in self._settings.listeners.items():
            slot = self._totals.allocate(LISTENERS)
            self._listeners[name] = bind_listener(
                name, listener.pool, slot, listener.options, listener.bind, self._settings.workers
            )

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signal)
        loop.add_signal_handler(signal.SIGHUP, _say_that_nothing_is_reloaded)

    def _log_start(self) -> None:
        event_log.info(
            "started",
            version=__version__,
            python=platform.python_version(),
            pid=os.getpid(),
            workers=self._settings.workers,
            admin=str(self._settings.admin),
        )
        for name, listener in self._listeners.items():
            event_log.info("listener_bound", listener=name, bind=listener.bind, pool=listener.pool)

    async def _serve_when_settled(self) -> None:
        """Accept once every backend has been probed, so that the first client meets a pool that knows its backends.

        A name that does not resolve holds the start up no longer than the slowest probe may take.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(1 + max(pool.live.settings.health.timeout for pool in self._pools.values())):
                for pool in self._pools.values():
                    await pool.live.settled.wait()
        if self._ending.is_set():
            return
        for pool in self._pools.values():
            pool.serve()
        self._accepting = True
        for worker in self._workers.all:
            self._handover.to(worker)
        gc.collect()
        gc.freeze()
        with suppress(TimeoutError):  # clients that come before the last worker accepts are shared by the others
            async with asyncio.timeout(LONGEST_START):
                await self._workers.all_accept(self._listeners.keys())
        if self._process.state is ProcessState.STARTING:
            self._process.state = ProcessState.RUNNING

    # Run

    def _introduce(self, worker: Worker) -> None:
        """Tell a new worker process all that the others know."""
        worker.send(self._hello, self._inboxes)
        for pool in self._pools.values():
            pool.introduce(worker)
        if self._accepting:
            self._handover.to(worker)

    def _received(self, worker: Worker, news: News) -> None:
        match news:
            case BackendFailed():
                self._pools[news.pool].backend_failed(news)
            case AffinityLearned():
                self._pools[news.pool].affinity_learned(news)
            case SocketsLost():
                self._handover.lost(worker, news)
            case _:
                assert_never(news)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        orphans = Orphans() if inherits() else None
        while True:
            due = loop.time() + TICK
            await asyncio.sleep(TICK)
            self._process.loop_lag = max(0.0, loop.time() - due)
            self._control_log.flush()
            self._workers.kill_stuck(loop.time())
            for pool in self._pools.values():
                pool.tick(loop.time())
            if orphans:
                orphans.reap()

    # Stop

    def _signal(self) -> None:
        """The first signal begins the drain, the next one cuts it short; a drain that a failure began counts as none."""
        if self._signalled:
            self._signalled_again.set()
        self._signalled = True
        self._ending.set()

    async def _end_after_failure(self) -> None:
        await failure.wait()
        self._ending.set()

    async def _stop(self) -> None:
        """Fail readiness, keep accepting for the delay, close the listeners, let the sessions finish within the grace."""
        drain = self._settings.drain
        self._process.state = ProcessState.DRAINING
        event_log.info("drain_started", delay_seconds=drain.delay, grace_seconds=drain.grace)
        if self._accepting:
            with suppress(TimeoutError):
                async with asyncio.timeout(drain.delay):
                    await self._signalled_again.wait()
        self._accepting = False
        for pool in self._pools.values():
            pool.drain()
        for listener in self._listeners.values():
            listener.close()
        self._workers.stop()
        await self._end_workers(drain.grace)
        discoveries = [pool.stop() for pool in self._pools.values()]
        await asyncio.wait(discoveries, timeout=EXIT_TIMEOUT)
        await self._admin.stop()
        event_log.info("stopped", uptime_seconds=round(self._process.uptime, 3))

    async def _end_workers(self, grace: float) -> None:
        if not self._signalled_again.is_set():
            self._workers.broadcast(Drain(grace))
            if await self._workers.wait(max(grace, EXIT_TIMEOUT), unless=self._signalled_again):
                return
        if self._signalled_again.is_set():
            self._workers.broadcast(Stop())
            if await self._workers.wait(EXIT_TIMEOUT):
                return
        await self._workers.kill()


def _say_that_nothing_is_reloaded() -> None:
    event_log.warning("signal_ignored", signal="SIGHUP", reason="settings are not reloaded: a restart applies new ones")
