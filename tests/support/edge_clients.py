"""Programs that people use as clients: curl, `openssl s_client` and Redis's own, from any loopback address."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.support.servers import program

PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Finished:
    """How a program ended, and all that it wrote."""

    code: int
    output: str


async def run(name: str, *arguments: str) -> Finished:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(program(name), *arguments, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    assert process.returncode is not None
    return Finished(process.returncode, output.decode(errors="replace"))


async def curl(
    port: int, path: str = "/", *arguments: str, host: str = "edge.example", source: str = "127.0.0.5", scheme: str = "http"
) -> Finished:
    """Ask a port for a path of a host, from this loopback address; the output is the body."""
    options = ("--silent", "--noproxy", "*", "--interface", source, "--resolve", f"{host}:{port}:127.0.0.1")
    return await run("curl", *options, *arguments, f"{scheme}://{host}:{port}{path}")


@asynccontextmanager
async def openssl_client(port: int, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """An `openssl s_client`, which sends what it is told on standard input and writes what it gets."""
    process = await asyncio.create_subprocess_exec(
        program("openssl"), "s_client", "-quiet", "-connect", f"127.0.0.1:{port}", *arguments,
        stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
