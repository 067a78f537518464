"""Real Socket.IO servers and clients: Node processes that say in JSON lines what happens to them."""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import orjson

Fields = dict[str, Any]
P = TypeVar("P", bound="NodeProcess")

SCRIPTS = Path(__file__).with_name("node")


class NodeProcess:
    """A process, what it has said, and a way to wait for more."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.said: list[Fields] = []
        self.errors = ""
        self._more = asyncio.Condition()

    def all(self, event: str, *, after: int = 0, **fields: object) -> list[Fields]:
        """What it has said about this event, from line `after` on."""
        wanted = {"event": event, **fields}
        return [line for line in self.said[after:] if wanted.items() <= line.items()]

    async def hear(
        self, event: str, *, count: int = 1, after: int = 0, seconds: float = 15.0, **fields: object
    ) -> list[Fields]:
        """Wait until it has said so `count` times from line `after` on; answers all of these lines."""

        def enough() -> bool:
            return len(self.all(event, after=after, **fields)) >= count

        try:
            async with asyncio.timeout(seconds), self._more:
                await self._more.wait_for(enough)
        except TimeoutError:
            heard = Counter(line["event"] for line in self.said[after:])
            raise AssertionError(
                f"fewer than {count} times {event} {fields} within {seconds} s, but {dict(heard)}\n"
                f"{self.said[-5:]}\n{self.errors}"
            ) from None
        return self.all(event, after=after, **fields)

    async def do(self, command: str, **arguments: object) -> None:
        """Give a client process a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(orjson.dumps({"do": command, **arguments}) + b"\n")
        await self.process.stdin.drain()

    async def echo(self, payload: object) -> Fields:
        """Let every client of the process ask its server; answers the line about it."""
        after = len(self.said)
        await self.do("echo", payload=payload)
        return (await self.hear("echoed", after=after))[0]

    async def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def follow(self) -> None:
        """Take in what it says until its end."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._more:
                self.said.append(orjson.loads(line))
                self._more.notify_all()

    async def follow_errors(self) -> None:
        """Take in what goes wrong."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.errors += line.decode(errors="replace")


class SocketIoServer(NodeProcess):
    """A server process that listens."""

    port: int
    name: str

    @property
    def address(self) -> str:
        """What the proxy calls it."""
        return f"127.0.0.1:{self.port}"


@asynccontextmanager
async def socketio_server(name: str, *, port: int = 0) -> AsyncIterator[SocketIoServer]:
    """A real Socket.IO 4 server that calls itself `name`, killed at the end."""
    async with running_node(SocketIoServer, SCRIPTS / "server.js", "--port", str(port), "--name", name) as server:
        listening = (await server.hear("listening"))[0]
        server.port, server.name = listening["port"], name
        yield server


@asynccontextmanager
async def socketio_clients(url: str, *, count: int = 1, transport: str = "websocket") -> AsyncIterator[NodeProcess]:
    """A process with so many real Socket.IO clients, killed at the end."""
    arguments = "--url", url, "--transport", transport, "--count", str(count)
    async with running_node(NodeProcess, SCRIPTS / "client.js", *arguments) as process:
        yield process


@asynccontextmanager
async def running_node(
    kind: type[P], script: Path, *arguments: str, environ: Mapping[str, str] | None = None
) -> AsyncIterator[P]:
    """A Node process that speaks JSON lines, with these variables besides ours; killed at the end."""
    node = shutil.which("node")
    assert node is not None, "no Node.js on PATH; run tests/support/system_packages.sh"
    process = await asyncio.create_subprocess_exec(
        node, script, *arguments, cwd=script.parent, env={**os.environ, **(environ or {})},
        stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=1 << 20,
    )  # fmt: skip
    peer = kind(process)
    readers = asyncio.gather(peer.follow(), peer.follow_errors())
    try:
        yield peer
    finally:
        await peer.kill()
        await readers
