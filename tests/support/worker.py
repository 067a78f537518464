"""A real worker process, driven over its link as control would, for what control does not do yet or not fast enough."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson

from app.core.backend import Backend
from app.link.board import Board, Table
from app.link.channel import Channel
from app.link.messages import BackendEntry, BackendsChanged, Hello, ListenerAdded, Message, PoolAdded, Ready
from tests.support.waiting import until


class Worker:
    """One worker: messages to it, messages from it, its board and its log."""

    def __init__(self, process: Process, link: socket.socket, board: Board) -> None:
        self.process, self.board = process, board
        self.messages: list[Message] = []
        self.log: list[dict[str, Any]] = []
        self.lost = asyncio.Event()
        self.channel = Channel(asyncio.get_running_loop(), link, self.messages.append, self.lost.set)

    def add_pool(self, name: str = "default", slot: int = 0, **settings: Any) -> None:
        """A pool with the usual settings, some of them changed."""
        usual = {"balance": "round_robin", "connect_timeout": 1.0, "connect_attempts": 3, "idle_timeout": 0.0}
        self.channel.send(PoolAdded(name, slot, **{**usual, **settings}))

    def set_backends(self, backends: Sequence[Backend], pool: str = "default", *, eligible: bool = True) -> None:
        """Add or change backends; slots on the board are given in the order of this list."""
        entries = [BackendEntry.of(backend, slot, eligible=eligible) for slot, backend in enumerate(backends)]
        self.channel.send(BackendsChanged(pool, entries, []))

    async def add_listener(self, name: str = "default", slot: int = 0, pool: str = "default") -> int:
        """Bind a listener on a free loopback port, hand it over, wait until it accepts, and answer the port."""
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as sock:
            port = int(sock.getsockname()[1])
            self.channel.send(ListenerAdded(name, slot, pool, [f"127.0.0.1:{port}"]), [sock.fileno()])
            await until(lambda: Ready(name) in self.messages)
        return port

    def cell(self, table: Table, slot: int, field: int) -> int:
        """A number on the board."""
        return self.board.sum(table, slot, field)

    async def closed(self, **fields: object) -> dict[str, Any]:
        """The first `session_closed` line with these fields; waits until it is written."""

        def find() -> dict[str, Any] | None:
            wanted = {"event": "session_closed", **fields}
            return next((line for line in self.log if wanted.items() <= line.items()), None)

        found = await until(find)
        assert found is not None
        return found

    async def read_log(self) -> None:
        """Collect log lines until the end of the stream."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.log.append(orjson.loads(line))


@asynccontextmanager
async def running_worker(*, buffer_size: int = 65536) -> AsyncIterator[Worker]:
    """Start a worker and greet it; it is killed at the end if it still runs."""
    board = Board.create(1)
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.dataplane", "0", "1", str(theirs.fileno()), str(board.descriptor),
            pass_fds=(theirs.fileno(), board.descriptor), stdin=DEVNULL, stdout=PIPE, limit=1 << 20,
        )  # fmt: skip
    worker = Worker(process, ours, board)
    reader = asyncio.ensure_future(worker.read_log())
    worker.channel.send(Hello(buffer_size, log_sessions=True, log_console=False))
    try:
        yield worker
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()
        await reader
        worker.channel.close()
        os.close(board.descriptor)
