"""Probe kind `send_expect`: sends some bytes, or none, and expects an answer with a text or a match of an expression."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from tidegate.control.health.connection import Connection
from tidegate.control.health.request import CLOSED, ProbeError, ProbeRequest

if TYPE_CHECKING:
    from tidegate.settings.parts.health import HealthSettings

MOST_ANSWER = 16 * 1024
LONGEST_SEARCH = 0.05
"""Seconds for one search: the operator chooses the expression, but the backend chooses the text."""

Search = Callable[[bytes], Awaitable[bool]]


async def probe(request: ProbeRequest) -> None:
    """Send, and read until the expected answer has come. Raises ProbeError or OSError."""
    found = _search_for(request.settings)
    async with Connection(request) as connection:
        if request.settings.send:
            await connection.send(request.settings.send)
        answer = b""
        while not await found(answer):
            if len(answer) > MOST_ANSWER:
                raise ProbeError(_unexpected(request, answer, f"in the first {MOST_ANSWER} bytes"))
            data = await connection.read()
            if not data:
                raise ProbeError(_unexpected(request, answer, "before the end") if answer else CLOSED)
            answer += data
            request.progress.unexpected = partial(_unexpected, request, answer)


def _search_for(settings: "HealthSettings") -> Search:
    if settings.expect_regex is not None:
        return _expression(settings.expect_regex)
    expected = settings.expect or b""

    async def found(answer: bytes) -> bool:
        return expected in answer

    return found


@lru_cache(maxsize=256)
def _expression(pattern: str) -> Search:
    import regex  # noqa: PLC0415  megabytes that most sidecars do not need; unlike re, it has a timeout

    compiled = regex.compile(pattern.encode())

    def search(answer: bytes) -> bool:
        return compiled.search(answer, timeout=LONGEST_SEARCH, concurrent=True) is not None

    async def found(answer: bytes) -> bool:
        try:
            return await asyncio.get_running_loop().run_in_executor(_thread(), search, answer)
        except TimeoutError:
            raise ProbeError(f"the expression took more than {LONGEST_SEARCH:g}s on {len(answer)} bytes") from None

    return found


@cache
def _thread() -> ThreadPoolExecutor:
    """One thread for all searches: it bounds the cost of expressions, and the event loop does not wait for them."""
    return ThreadPoolExecutor(1, "search")


def _unexpected(request: ProbeRequest, answer: bytes, where: str) -> str:
    settings = request.settings
    expected = f"a match of {settings.expect_regex!r}" if settings.expect_regex else request.quoted(settings.expect or b"")
    return f"expected {expected} {where}, got {request.quoted(answer)}"
