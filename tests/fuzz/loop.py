"""The event loop of the targets: one for all inputs, because a new one for each would take most of the time."""

import asyncio
import atexit
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")
LONGEST = 5.0
"""Seconds that a reader may wait. Its peer has always said everything at once, so that a longer wait never ends."""


_servers: list[Callable[[], object]] = []


class HangError(Exception):
    """A reader waits although its peer has said everything."""


class StrayError(Exception):
    """A callback or a task that nothing waits for has raised an error."""


def run(work: Awaitable[T]) -> T:
    """The result of the work. Raises HangError and StrayError, too."""
    strays: list[dict[str, Any]] = []
    loop = the_loop()
    loop.set_exception_handler(lambda _, context: strays.append(context))
    result = loop.run_until_complete(_in_time(work))
    if strays:
        raise StrayError(str(strays)) from strays[0].get("exception")
    return result


@cache
def the_loop() -> asyncio.AbstractEventLoop:
    """The loop; it is closed when the process ends."""
    loop = uvloop.new_event_loop()
    atexit.register(_close, loop)
    return loop


def close_at_end(close: Callable[[], object]) -> None:
    """Call this before the loop is closed, to close a server that all inputs share."""
    _servers.append(close)


async def _in_time(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(LONGEST) as limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise HangError from None
        raise


def _close(loop: asyncio.AbstractEventLoop) -> None:
    for close in _servers:
        close()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks))
    loop.close()
