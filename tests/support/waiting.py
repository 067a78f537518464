"""Waiting for what the code under test does, with a limit."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar, cast, overload

T = TypeVar("T")
POLL_INTERVAL = 0.02


@overload
async def until(ask: Callable[[], Awaitable[T]], *, seconds: float = 10.0) -> T: ...
@overload
async def until(ask: Callable[[], T], *, seconds: float = 10.0) -> T: ...
async def until(ask: Callable[[], T | Awaitable[T]], *, seconds: float = 10.0) -> T:
    """Ask again and again until the answer is true, for what only shows itself to those who ask (`/status`, `/metrics`)."""
    last: object = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                answer = ask()
                last = await answer if isawaitable(answer) else answer
                if last:
                    return cast("T", last)
                await asyncio.sleep(POLL_INTERVAL)
    except TimeoutError:
        raise AssertionError(f"not true within {seconds} s; the last answer was {last!r}") from None
