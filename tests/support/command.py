"""The command `tidegate` as people run it: to its end, with what it prints."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
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


async def tidegate(*arguments: str, variables: dict[str, str] | None = None, **settings: object) -> Finished:
    """Run a command with these settings, and perhaps other variables, until it ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", *arguments, env=environment(settings) | (variables or {}),
        stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LONGEST):
            output, errors = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    assert process.returncode is not None
    return Finished(process.returncode, output.decode(), errors.decode())
