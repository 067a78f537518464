"""Makes long answers in short slices of work, and shares each answer between all requests within a second."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from time import monotonic
from typing import Generic, TypeVar

from tidegate.control.tasks import spawn

SLICE, LONGEST_SLICE = 0.004, 0.01
"""Seconds of work after which the event loop serves other tasks: probes, the link, `/livez`. If these take long, the next
slice is half as long as they took, up to the longest: otherwise the work would never end on a busy loop."""

KEPT = 1.0
"""Seconds for which a finished value answers further requests."""

T = TypeVar("T")


async def in_slices(items: Iterable[T]) -> AsyncIterator[T]:
    """The items one by one. After each slice of work, other tasks run, so the objects behind the items may change."""
    end = monotonic() + SLICE
    for item in items:
        yield item
        if (paused := monotonic()) >= end:
            await asyncio.sleep(0)
            resumed = monotonic()
            end = resumed + min(LONGEST_SLICE, max(SLICE, (resumed - paused) / 2))


class SharedResult(Generic[T]):
    """A value made on demand by `make`, once at a time, and shared by all callers until KEPT seconds after it is finished.

    `name` is the name of the task that makes it.
    """

    def __init__(self, make: Callable[[], Awaitable[T]], name: str) -> None:
        self._make, self._name = make, name
        self._value: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """The value. Raises the exception of `make`; the next call then makes it again."""
        if self._value is None:
            self._value = asyncio.get_running_loop().create_future()
            spawn(self._fulfil(self._value), self._name)
        return await asyncio.shield(self._value)  # a cancelled caller does not cancel it for the others

    async def _fulfil(self, value: asyncio.Future[T]) -> None:
        try:
            value.set_result(await self._make())
        except Exception as error:  # noqa: BLE001  (any exception goes to the callers; the process goes on)
            value.set_exception(error)
            value.exception()  # marks it as retrieved, in case every caller has given up
            self._forget()
        else:
            asyncio.get_running_loop().call_later(KEPT, self._forget)

    def _forget(self) -> None:
        self._value = None
