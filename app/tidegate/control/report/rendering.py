"""How control makes what is long and read by many: in short slices, and once for all who ask within a second."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from time import monotonic
from typing import Generic, TypeVar

from tidegate.control.spawn import spawn

SLICE, LONGEST_SLICE = 0.004, 0.02
"""Seconds of work after which the loop serves others: probes, the link, `/livez`. The slice is longer where they take long,
half as long as they did, or a loop that is busy would never get to the end."""

KEPT = 1.0
"""Seconds for which what was made answers whoever asks."""

T = TypeVar("T")


async def in_slices(items: Iterable[T]) -> AsyncIterator[T]:
    """The items one by one; after each slice of work the loop serves others, so what the items stand for may change."""
    end = monotonic() + SLICE
    for item in items:
        yield item
        if (paused := monotonic()) >= end:
            await asyncio.sleep(0)
            resumed = monotonic()
            end = resumed + min(LONGEST_SLICE, max(SLICE, (resumed - paused) / 2))


class Shared(Generic[T]):
    """A value that is made by `make` when it is asked for, one at a time, for all who ask until a second after that.

    `name` is that of the task which makes it.
    """

    def __init__(self, make: Callable[[], Awaitable[T]], name: str) -> None:
        self._make, self._name = make, name
        self._value: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """The value. Raises what `make` has raised; then the next one who asks has it made again."""
        if self._value is None:
            self._value = asyncio.get_running_loop().create_future()
            spawn(self._fulfil(self._value), self._name)
        return await asyncio.shield(self._value)  # who gives up waiting takes it from nobody else

    async def _fulfil(self, value: asyncio.Future[T]) -> None:
        try:
            value.set_result(await self._make())
        except Exception as error:  # noqa: BLE001  (it is the answer, a bug included; the process goes on)
            value.set_exception(error)
            value.exception()  # nobody may be left to ask for it
            self._forget()
        else:
            asyncio.get_running_loop().call_later(KEPT, self._forget)

    def _forget(self) -> None:
        self._value = None
