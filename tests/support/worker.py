"""A real worker process, driven over its link as control would, for what control does not do yet or not fast enough."""

import asyncio
import os
import resource
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from tests.support.options import listener_options, pool_options
from tests.support.peers import limit_buffers
from tests.support.splice import SPLICE
from tests.support.waiting import until
from tidegate.core.buckets import CONNECT_BUCKETS, DURATION_BUCKETS
from tidegate.core.pools.backend import Backend
from tidegate.core.reasons import CloseReason, ConnectFailure
from tidegate.core.splice import Splice
from tidegate.link.board import (
    BACKENDS,
    CLIENTS,
    LISTENERS,
    POOLS,
    SWEEP_INTERVAL,
    WORKER,
    BackendCell,
    Board,
    ClientCell,
    ListenerCell,
    PoolCell,
    Table,
    WorkerCell,
)
from tidegate.link.channel import Channel
from tidegate.link.messages import (
    BackendEntry,
    BackendFailed,
    BackendsChanged,
    Hello,
    ListenerAdded,
    ListenerRemoved,
    ListSessions,
    Message,
    PoolAdded,
    PoolRemoved,
    Ready,
    Sessions,
    Stop,
)
from tidegate.link.sockets import SESSION_OPTIONS

Fields = dict[str, Any]
EXIT_TIMEOUT = 10.0
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class AtOnce:
    """A loop for the channel of a test: what is sent is written at once, so that what the test does next comes later."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.add_reader, self.remove_reader = loop.add_reader, loop.remove_reader
        self.add_writer, self.remove_writer = loop.add_writer, loop.remove_writer

    def call_soon(self, callback: Callable[[], None], /) -> None:
        """Call it now."""
        callback()


class Worker:
    """One worker: messages to it, messages from it, its board, its log and what the system knows of its process.

    Keeps a copy of every listening socket until the listener is removed, as control does. A test that provokes internal
    errors says how many in `expected_bugs`.
    """

    def __init__(self, process: Process, link: socket.socket, board: Board, number: int = 0) -> None:
        self.process, self.board, self.number = process, board, number
        self.messages: list[Message] = []
        self.log: list[Fields] = []
        self.text: list[str] = []
        self.lost = asyncio.Event()
        self.expected_bugs = 0
        self.without_line = 0  # sessions that sent nonsense, of which one in a second is logged
        self.channel = Channel(AtOnce(asyncio.get_running_loop()), link, self.messages.append, self.lost.set)
        self._listening: dict[str, socket.socket] = {}
        self._requests = 0

    # Orders

    def add_pool(self, name: str = "default", slot: int = 0, **options: Any) -> None:
        """A pool with the usual options, some of them changed; or new options for one that the worker knows."""
        self.channel.send(PoolAdded(name, slot, pool_options(**options)))

    def set_backends(
        self,
        backends: Sequence[Backend],
        pool: str = "default",
        *,
        eligible: bool = True,
        first_slot: int = 0,
        warming_since: float | None = None,
    ) -> None:
        """Add or change backends; slots on the board are given in the order of this list."""
        entries = [
            BackendEntry.of(backend, slot, eligible=eligible, warming_since=warming_since)
            for slot, backend in enumerate(backends, first_slot)
        ]
        self.channel.send(BackendsChanged(pool, entries, []))

    def remove_backends(self, backends: Iterable[Backend], pool: str = "default") -> None:
        """Take backends out of a pool."""
        self.channel.send(BackendsChanged(pool, [], [backend.name for backend in backends]))

    def remove_pool(self, name: str = "default") -> None:
        """Remove a pool."""
        self.channel.send(PoolRemoved(name))

    async def add_listener(
        self,
        name: str = "default",
        slot: int = 0,
        pool: str = "default",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        kernel_buffer: int = 0,
        **limits: Any,
    ) -> int:
        """Bind a listener (dual stack for `::`), hand it over, wait until it accepts; answers the port (0: any)."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.create_server((host, port), family=family, backlog=4096, dualstack_ipv6=host == "::")
        limit_buffers(sock, kernel_buffer)
        for level, option, value in SESSION_OPTIONS:  # as control does
            sock.setsockopt(level, option, value)
        port = int(sock.getsockname()[1])
        await self._hand_over(name, slot, pool, sock, f"{host}:{port}", limits)
        return port

    async def add_unix_listener(self, path: Path, name: str = "default", slot: int = 0, **limits: Any) -> None:
        """Bind a listener to a Unix socket, hand it over for the pool of that name, and wait until it accepts."""
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(path))
        sock.listen(4096)
        await self._hand_over(name, slot, "default", sock, f"unix:{path}", limits)

    async def _hand_over(
        self, name: str, slot: int, pool: str, sock: socket.socket, address: str, limits: dict[str, Any]
    ) -> None:
        self._listening[name] = sock
        before = self.messages.count(Ready(name))
        self.channel.send(ListenerAdded(name, slot, pool, [address], listener_options(**limits)), [sock.fileno()])
        await until(lambda: self.messages.count(Ready(name)) > before)

    async def remove_listener(self, name: str = "default", *, keep: bool = False) -> None:
        """Remove a listener. Unless told to `keep` it, close the copy here last: until then nobody is refused."""
        self.channel.send(ListenerRemoved(name))
        await self.sessions()
        if not keep:
            self.forget_listener(name)

    def forget_listener(self, name: str = "default") -> None:
        """Close the copy of a listening socket that is kept here."""
        self._listening.pop(name).close()

    async def sessions(self, **query: str) -> Sessions:
        """Its live sessions. As messages keep their order, everything sent before has been applied then."""
        self._requests += 1
        self.channel.send(ListSessions(self._requests, 100_000, **query))
        answers = await until(
            lambda: [each for each in self.messages if isinstance(each, Sessions) and each.request == self._requests]
        )
        return answers[0]

    async def stop(self) -> int:
        """Order it to stop at once; answers the exit code."""
        self.channel.send(Stop())
        return await self.exit_code()

    async def exit_code(self, *, seconds: float = EXIT_TIMEOUT) -> int:
        """Wait for the end."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    # What can be seen of it

    def cell(self, table: Table, slot: int, field: int) -> int:
        """A number on the board, summed over all workers."""
        return self.board.sum(table, slot, field)

    def own(self, table: Table, field: int) -> int:
        """A number on the board of this worker alone, summed over all slots of the table."""
        cells = self.cells(table, field)
        return sum(self.board.cells[cells.start : cells.stop : cells.step])

    def cells(self, table: Table, field: int) -> range:
        """Where the board has this number of this worker, by slot."""
        base = self.board.base(self.number)
        return range(base + table.cell(0, field), base + table.end, table.width)

    async def sweeps(self) -> None:
        """Wait until it has swept twice: for at least SWEEP_INTERVAL, in which it has looked at its siblings, too."""
        swept = self.own(WORKER, WorkerCell.SWEPT_AT_MILLISECONDS)
        await until(lambda: self.own(WORKER, WorkerCell.SWEPT_AT_MILLISECONDS) >= swept + 2 * SWEEP_INTERVAL * 1000)

    def failure_reports(self) -> list[BackendFailed]:
        """All reports of failures so far."""
        return [message for message in self.messages if isinstance(message, BackendFailed)]

    async def closed(self, **fields: object) -> Fields:
        """The first `session_closed` line with these fields; waits until it is written."""
        return await self.event("session_closed", **fields)

    async def event(self, event: str, **fields: object) -> Fields:
        """The first log line with this event and these fields; waits until it is written."""
        found = await until(lambda: self.events(event, **fields))
        return found[0]

    def events(self, event: str, **fields: object) -> list[Fields]:
        """All log lines so far with this event and these fields."""
        wanted = {"event": event, **fields}
        return [line for line in self.log if wanted.items() <= line.items()]

    @property
    def active(self) -> int:
        """Sessions that live."""
        return self.own(LISTENERS, ListenerCell.ACTIVE)

    @property
    def descriptors(self) -> set[int]:
        """Numbers of all files and sockets it has open."""
        return {int(entry.name) for entry in Path(f"/proc/{self.process.pid}/fd").iterdir()}

    @property
    def memory(self) -> int:
        """Proportional set size in bytes: its share of what it has in common with other processes included."""
        return self._rollup("Pss")

    @property
    def own_memory(self) -> int:
        """The part of the proportional set size that others starting and ending do not change: heap and stack, in bytes."""
        return self._rollup("Pss_Anon")

    def _rollup(self, name: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))

    @property
    def cpu_seconds(self) -> float:
        """Processor time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def limit_descriptors(self, number: int) -> None:
        """Let it open no file numbered `number` or higher from now on."""
        _soft, hard = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (number, hard))

    def check_books(self) -> None:
        """After the end of all sessions: what the log says and what the board says must be the same."""
        lines = self.events("session_closed")
        reasons = Counter(line["reason"] for line in lines)
        reasons["rejected"] += self.without_line
        ended = len(lines) + self.without_line
        counted = {str(reason): self.own(POOLS, PoolCell.CLOSED + n) for n, reason in enumerate(CloseReason)}
        assert {reason: count for reason, count in counted.items() if count} == +reasons
        assert len({line["session"] for line in lines}) == len(lines)
        assert self.own(LISTENERS, ListenerCell.TOTAL) == ended
        assert self.own(BACKENDS, BackendCell.SENT_BYTES) == sum(line["sent_bytes"] for line in lines)
        assert self.own(BACKENDS, BackendCell.RECEIVED_BYTES) == sum(line["received_bytes"] for line in lines)
        relayed = self.own(POOLS, PoolCell.COPIED_BYTES) + self.own(POOLS, PoolCell.SPLICED_BYTES)
        assert relayed == sum(line["sent_bytes"] + line["received_bytes"] for line in lines)
        connected = sum(line["connect_ms"] is not None for line in lines)
        assert self.own(BACKENDS, BackendCell.TOTAL) == connected
        assert self._observations(PoolCell.CONNECT, len(CONNECT_BUCKETS)) == connected
        assert self._observations(PoolCell.DURATION, len(DURATION_BUCKETS)) == ended
        failures = sum(self.own(BACKENDS, BackendCell.FAILURES + n) for n, _ in enumerate(ConnectFailure))
        cut_short = sum(line["connect_ms"] is None and line["reason"] in {"drain", "error"} for line in lines)
        assert 0 <= sum(line["attempts"] for line in lines) - connected - failures <= cut_short
        self.check_gauges()
        assert self.own(WORKER, WorkerCell.LOG_LINES_DROPPED) == 0
        assert len(self.events("internal_error")) == self.expected_bugs, self.events("internal_error")

    def _observations(self, histogram: PoolCell, bounds: int) -> int:
        return sum(self.own(POOLS, histogram + 1 + bucket) for bucket in range(bounds + 1))

    def check_gauges(self) -> None:
        """After the end of all sessions: nothing is active any more."""
        assert self.own(LISTENERS, ListenerCell.ACTIVE) == 0
        assert self.own(POOLS, PoolCell.ACTIVE) == 0
        assert self.own(POOLS, PoolCell.QUEUED) == 0
        assert self.own(BACKENDS, BackendCell.ACTIVE) == 0
        if self.own(WORKER, WorkerCell.COUNTED_CLIENTS):
            assert self.own(CLIENTS, ClientCell.ACTIVE) == 0

    # The process

    async def read_log(self) -> None:
        """Collect log lines until the end of the stream: JSON as `log`, anything else as `text`."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if line.startswith(b"{"):
                self.log.append(orjson.loads(line))
            else:
                self.text.append(line.decode())

    def close(self) -> None:
        """Close this end of the link and the copies of listening sockets."""
        self.channel.close()
        for sock in self._listening.values():
            sock.close()


@asynccontextmanager
async def running_worker(
    *,
    descriptors: int = 0,
    command: Sequence[str] = (),
    board: Board | None = None,
    number: int = 0,
    inboxes: Sequence[socket.socket] = (),
    **greeting: Any,
) -> AsyncIterator[Worker]:
    """Start a worker and greet it; at the end stop it and check its books. It is killed if it still runs.

    `descriptors` limits its open files; `command`, such as a tracer, runs it. Workers that share a `board` need a `number`
    each, and may have `inboxes`. All else are fields of `Hello`.
    """
    hello = replace(Hello(65536, SPLICE, log_sessions=True, log_console=False, has_inboxes=bool(inboxes)), **greeting)
    own_board = Board.create(1) if board is None else None
    shared = own_board or board
    assert shared is not None
    limit = ["prlimit", f"--nofile={descriptors}"] if descriptors else []
    ours, theirs = socket.socketpair()
    with theirs:
        inherited = theirs.fileno(), shared.descriptor
        process = await asyncio.create_subprocess_exec(
            *limit, *command, sys.executable, "-m", "tidegate.dataplane",
            str(number), str(shared.workers), *map(str, inherited),
            pass_fds=inherited, stdin=DEVNULL, stdout=PIPE, limit=1 << 20,
        )  # fmt: skip
    worker = Worker(process, ours, shared, number)
    reader = asyncio.ensure_future(worker.read_log())
    worker.channel.send(hello, [sock.fileno() for sock in inboxes])
    try:
        yield worker
        if process.returncode is None:
            assert await worker.stop() == 0
        await reader
        if hello.log_sessions and not hello.log_console:
            worker.check_books()
        if hello.splice == Splice.NEVER:
            assert worker.own(POOLS, PoolCell.SPLICED_BYTES) == 0
        worker.check_gauges()
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()
        await reader
        worker.close()
        if own_board:
            os.close(own_board.descriptor)
