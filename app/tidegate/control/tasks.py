"""Tasks that are named, kept, and logged when they fail: asyncio keeps only weak references, and hides their errors."""

import asyncio
from collections.abc import Coroutine

from tidegate.control.log import event_log

_running: set[asyncio.Task[None]] = set()

failure = asyncio.Event()
"""Set once a bug has ended a task; control drains then."""


def spawn(coroutine: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
    """Run a coroutine as a task of its own.

    An exception that ends it is logged as `internal_error`, and the process drains and exits with 1: control that is half
    alive would keep answering for what it no longer knows. A drain that is under way goes on as it is: what its sessions
    need is in the workers.
    """
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        event_log.error("internal_error", task=task.get_name(), exc_info=error)
        failure.set()
