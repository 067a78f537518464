"""The command `tidegate` as people run it: to its end, with what it prints."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from tests.support.proxy import environment

LONGEST = 20.0


@dataclass(frozen=True)
class Finished:
    """How a command ended and what it printed."""

    code: int
    output: str
    errors: str


async def finish(program: str, *arguments: str, variables: Mapping[str, str], seconds: float = LONGEST) -> Finished:
    """Run a program with exactly these variables until it ends."""
    process = await asyncio.create_subprocess_exec(
        program, *arguments, env=dict(variables), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(seconds):
            output, errors = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    assert process.returncode is not None
    return Finished(process.returncode, output.decode(), errors.decode())


async def tidegate(*arguments: str, variables: dict[str, str] | None = None, **settings: object) -> Finished:
    """Run a command with these settings, and perhaps other variables, until it ends."""
    given = environment(settings) | (variables or {})
    return await finish(sys.executable, "-m", "tidegate", *arguments, variables=given)
