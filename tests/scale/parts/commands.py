"""Commands to a process of its own: a line of JSON each way, one command after the other."""

import asyncio
import resource
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson

Json = dict[str, Any]
Command = Callable[..., Awaitable[Json]]
LONGEST_LINE = 1 << 24  # bytes; the names of all endpoints are one answer


class PartError(Exception):
    """A process has ended without an answer."""


class Part:
    """A process that takes commands."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ask(self, command: str, **arguments: object) -> Json:
        """The answer to a command. Raises PartError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps([command, arguments]) + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise PartError(f"no answer to {command}")
        answer = orjson.loads(line)
        assert isinstance(answer, dict)
        return answer


@asynccontextmanager
async def running_part(module: str, *arguments: object) -> AsyncIterator[Part]:
    """Run a module of this package; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"{__package__}.{module}", *map(str, arguments), stdin=PIPE, stdout=PIPE, limit=LONGEST_LINE
    )
    try:
        yield Part(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def obey(commands: Mapping[str, Command]) -> None:
    """Answer commands until there are no more."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        name, arguments = orjson.loads(line)
        answer = await commands[name](**arguments)
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()
