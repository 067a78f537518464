"""Starts the worker processes, exchanges messages with them, and restarts those that die, after a growing pause."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tidegate.control.log import event_log
from tidegate.control.tasks import spawn
from tidegate.control.totals import Totals
from tidegate.core.backoff import Backoff
from tidegate.core.silence import STUCK_AFTER, Silence
from tidegate.link.channel import Channel
from tidegate.link.codec import encode
from tidegate.link.messages import (
    AffinityLearned,
    BackendFailed,
    Down,
    ListSessions,
    Message,
    Ready,
    SessionEntry,
    Sessions,
    SocketsLost,
)
from tidegate.settings.own_variables import without_settings

News = BackendFailed | AffinityLearned | SocketsLost
"""The messages that a worker sends without being asked."""

ANSWER_TIMEOUT = 2.0
KILL_TIMEOUT = 2.0
BACKOFF = Backoff()
OWN_FOLDER = Path(__file__).parents[3]
"""Where the package lies, and our processes start: `python -m` looks in its working directory first, and the one that was
chosen for us may have another `tidegate` in it."""


@dataclass(slots=True)
class Worker:
    """One worker process as control sees it; `number` outlives the process, as do its sockets and its row on the board."""

    number: int
    process: asyncio.subprocess.Process | None = None
    channel: Channel | None = None
    restarts: int = 0
    silence: Silence = field(default_factory=Silence)
    killed: bool = False
    listening: set[str] = field(default_factory=set)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process else None

    def send(self, message: Down, sockets: list[socket.socket] | None = None) -> None:
        """Send a message to the process, if there is one."""
        if self.channel:
            self.channel.send(message, [sock.fileno() for sock in sockets or ()])


class Workers:
    """All workers.

    `introduce(worker)` sends a new process all that it must know, `received(worker, news)` is told what a worker says. They
    get no setting of the environment. `backoff` says how long to pause before one that has died is started again.
    """

    def __init__(
        self,
        count: int,
        totals: Totals,
        introduce: Callable[[Worker], None],
        received: Callable[[Worker, News], None],
        environ: Mapping[str, str],
        backoff: Backoff = BACKOFF,
    ) -> None:
        self.all = [Worker(number) for number in range(count)]
        self._totals = totals
        self._introduce, self._news = introduce, received
        self._environ = without_settings(environ)
        self._backoff = backoff
        self._stopping = False
        self._ready = asyncio.Event()  # a worker has begun to accept, or is started again
        self._keepers: list[asyncio.Task[None]] = []
        self._queries: dict[int, asyncio.Future[Sessions]] = {}
        self._last_query = 0

    def start(self) -> None:
        """Start all and keep them running until `stop`."""
        self._keepers = [spawn(self._keep(worker), f"worker {worker.number}") for worker in self.all]

    def broadcast(self, message: Down) -> None:
        """Send to every worker that runs; one that starts later is introduced."""
        line = encode(message)
        for worker in self.all:
            if worker.channel:
                worker.channel.send_line(line)

    @property
    def restarts(self) -> int:
        """How often a worker that had died was started again."""
        return sum(worker.restarts for worker in self.all)

    def accepting(self, listener: str) -> bool:
        """Whether any worker accepts on this listener."""
        return any(listener in worker.listening for worker in self.all)

    async def all_accept(self, listeners: Set[str]) -> None:
        """Wait until each worker accepts on these listeners, or has been started again."""
        while not all(worker.listening >= listeners or worker.restarts for worker in self.all):
            self._ready.clear()
            await self._ready.wait()

    async def sessions(self, limit: int, pool: str, backend: str) -> tuple[int, list[SessionEntry]]:
        """Live sessions of all workers that answer in time, and how many there are in all."""
        answers = await asyncio.gather(*(self._ask(worker, limit, pool, backend) for worker in self.all))
        entries = [entry for answer in answers if answer for entry in answer.sessions]
        return sum(answer.total for answer in answers if answer), entries[:limit]

    def stop(self) -> None:
        """A worker that ends from now on, or has ended already, is not started again."""
        self._stopping = True
        for worker, keeper in zip(self.all, self._keepers, strict=True):
            if worker.process is None:
                keeper.cancel()

    async def wait(self, seconds: float, unless: asyncio.Event | None = None) -> bool:
        """Whether all have ended within so many seconds, or before that event."""
        ended = spawn(self._all_ended(), "end of workers")
        interrupted = spawn(_set(unless or asyncio.Event()), "end of patience")
        await asyncio.wait((ended, interrupted), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        interrupted.cancel()
        return all(keeper.done() for keeper in self._keepers)

    async def _all_ended(self) -> None:
        await asyncio.wait(self._keepers)

    def kill_stuck(self, now: float) -> None:
        """End those that have shown no sign of life for long; others take their place.

        Called at each tick with the time of the monotonic clock in seconds.
        """
        for worker in self.all:
            if worker.process:
                worker.silence = worker.silence.after_look(now, self._totals.sign_of_life(worker.number))
                if worker.silence.stuck:
                    _kill(worker, f"stuck for {STUCK_AFTER:g} s")

    async def kill(self) -> None:
        """End those that have not ended by themselves."""
        for worker in self.all:
            _kill(worker, "it did not end in time")
        await self.wait(KILL_TIMEOUT)

    async def _keep(self, worker: Worker) -> None:
        backoff = self._backoff
        while not self._stopping:
            started = monotonic()
            try:
                pid, status = await self._run(worker)
                ended = _in_words(status)
            except OSError as error:
                pid, ended = None, f"cannot be started: {error.strerror}"
            lost = self._totals.fold(worker.number)
            if self._stopping:
                return
            backoff = backoff.after_run(monotonic() - started)
            event_log.error(
                "worker_restarted",
                worker=worker.number,
                pid=pid,
                ended=ended,
                sessions_lost=lost.sessions,
                log_lines_lost=lost.log_lines,
                pause_seconds=backoff.pause,
            )
            await asyncio.sleep(backoff.pause)
            worker.restarts += 1
            self._ready.set()

    async def _run(self, worker: Worker) -> tuple[int, int]:
        """One life of a worker process; answers its id and how it ended. Raises OSError when there can be none."""
        ours, theirs = socket.socketpair()
        self._totals.expect_life(worker.number)
        try:
            process = worker.process = await self._start_process(worker.number, theirs)
            theirs.close()
            loop = asyncio.get_running_loop()
            worker.channel = Channel(loop, ours, lambda message: self._received(worker, message), lambda: _end(process))
            self._introduce(worker)
            return process.pid, await process.wait()
        finally:
            if worker.channel:
                worker.channel.close()
            if worker.process:
                _end(worker.process)
            for sock in (ours, theirs):
                sock.close()
            worker.channel = worker.process = None
            worker.silence, worker.killed = Silence(), False
            worker.listening.clear()

    async def _start_process(self, number: int, link: socket.socket) -> asyncio.subprocess.Process:
        board = self._totals.board
        arguments = (number, board.workers, link.fileno(), board.descriptor)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tidegate.dataplane",
            *map(str, arguments),
            cwd=OWN_FOLDER,
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(link.fileno(), board.descriptor),
        )

    def _received(self, worker: Worker, message: Message) -> None:
        match message:
            case Ready():
                worker.listening.add(message.listener)
                self._ready.set()
            case BackendFailed() | AffinityLearned() | SocketsLost():
                self._news(worker, message)
            case Sessions():
                if (answer := self._queries.pop(message.request, None)) and not answer.done():
                    answer.set_result(message)
            case _:
                raise AssertionError(f"not for control: {message}")

    async def _ask(self, worker: Worker, limit: int, pool: str, backend: str) -> Sessions | None:
        if worker.channel is None:
            return None
        self._last_query += 1
        request = self._last_query
        answer: asyncio.Future[Sessions] = asyncio.get_running_loop().create_future()
        self._queries[request] = answer
        try:
            worker.send(ListSessions(request, limit, pool, backend))
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await answer
        except TimeoutError:
            return None
        finally:
            self._queries.pop(request, None)


async def _set(event: asyncio.Event) -> None:
    await event.wait()


def _kill(worker: Worker, reason: str) -> None:
    """Kill the process of a worker and say so, once: it may take its time to end."""
    if worker.process and not worker.killed:
        worker.killed = True
        event_log.error("worker_killed", worker=worker.number, pid=worker.pid, reason=reason)
        worker.process.kill()


def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a worker that has closed its link, or does not read from it."""
    if process.returncode is None:
        process.kill()


def _in_words(status: int) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit code {status}"
