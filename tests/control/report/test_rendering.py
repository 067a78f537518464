"""What is long and read by many: made once for all who ask, and in slices between which others have their turn."""

import asyncio
from time import monotonic

import pytest

from tests.support.waiting import until
from tidegate.control import tasks
from tidegate.control.report.rendering import SLICE, SharedResult, in_slices


class Maker:
    """Makes numbers that count how many have been made, each when the test says so."""

    def __init__(self) -> None:
        self.made = 0
        self.may_end = asyncio.Event()
        self.error: Exception | None = None
        self.shared = SharedResult(self._make, "a number")

    async def _make(self) -> int:
        self.made += 1
        await self.may_end.wait()
        if self.error:
            raise self.error
        return self.made

    async def asked(self, count: int) -> list[asyncio.Task[int]]:
        """So many that ask, all waiting."""
        tasks = [asyncio.ensure_future(self.shared.get()) for _ in range(count)]
        await until(lambda: self.made)
        return tasks


async def test_calls_while_it_is_made_and_within_a_second_after_share_one_value() -> None:
    maker = Maker()
    early = await maker.asked(5)
    maker.may_end.set()
    assert await asyncio.gather(*early) == [1] * 5
    assert [await maker.shared.get() for _ in range(5)] == [1] * 5

    async def anew() -> bool:
        return await maker.shared.get() == 2

    ended = monotonic()
    await until(anew)
    assert monotonic() - ended > 0.9, "no more often than once a second"


async def test_a_cancelled_call_does_not_cancel_the_others() -> None:
    maker = Maker()
    impatient, patient = await maker.asked(2)
    impatient.cancel()
    await asyncio.wait([impatient])
    maker.may_end.set()
    assert await patient == 1


async def test_a_bug_is_raised_in_all_waiting_calls_and_the_next_call_makes_it_again() -> None:
    maker = Maker()
    maker.error = RuntimeError("a bug")
    asking = await maker.asked(3)
    maker.may_end.set()
    assert [type(error) for error in await asyncio.gather(*asking, return_exceptions=True)] == [RuntimeError] * 3
    maker.error = None
    assert await maker.shared.get() == 2
    assert not tasks.failure.is_set(), "a page that cannot be made is no reason to end"


@pytest.mark.parametrize("items", [0, 1, 20])
async def test_others_have_their_turn_between_two_slices(items: int) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.ensure_future(other())
    seen = []
    async for item in in_slices(range(items)):
        seen.append(item)
        end = monotonic() + 1.1 * SLICE
        while monotonic() < end:
            pass
    task.cancel()
    assert seen == list(range(items))
    assert turns >= items - 1
