"""Pages that are made in slices: what changes between two of them breaks none, and no page contradicts itself."""

import asyncio
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.reports import at_once, process_of
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.process import Process
from tidegate.control.report.metrics.page import Format, read_page
from tidegate.control.report.status.page import Form, Question, read_status
from tidegate.core.pools.backend import Backend

MANY = [Backend(f"10.0.{number >> 8}.{number & 255}:80", f"10.0.{number >> 8}.{number & 255}", 80) for number in range(2000)]


@pytest.fixture
def process() -> Iterator[Process]:
    """One pool of many backends."""
    with process_of(MANY) as process:
        yield process


async def changes_between_slices(pool: LivePool) -> AsyncIterator[int]:
    """All sorts of changes, one with each turn of the loop; how many there have been."""
    for count, backend in enumerate(reversed(MANY[10:]), 1):
        pool.probed(backend.name, None if count % 2 else "refused", 0.001)
        if count % 50 == 0:
            pool.discovered(MANY[: -count // 50])
            pool.release_slots()
        yield count
        await asyncio.sleep(0)


async def while_it_changes(process: Process, reading: Any) -> tuple[Any, int]:
    """What is read, and how often the pool has changed meanwhile."""
    task = asyncio.ensure_future(reading)
    seen = 0
    async for count in changes_between_slices(process.pools["chat"]):
        if task.done():
            break
        seen = count
    return await task, seen


async def test_metrics_tell_one_story_though_backends_change_and_leave_while_they_are_read(process: Process) -> None:
    page, changes = await while_it_changes(process, read_page(process))
    assert changes > 2, "in between"
    text = b"".join(page.chunks(Format.TEXT)).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert max(Counter((sample.name, *sorted(sample.labels.items())) for sample in samples).values()) == 1
    states = Counter(sample.labels["state"] for sample in samples if sample.name == "tidegate_backend_state")
    told = {s.labels["state"]: s.value for s in samples if s.name == "tidegate_pool_backends" and s.value}
    gone = len(MANY) - len(process.pools["chat"].slots)
    assert all(told[state] - gone <= states[state] <= told[state] for state in told)
    assert sum(states.values()) >= len(MANY) - gone


async def test_status_can_be_read_though_backends_change_and_leave_meanwhile(process: Process) -> None:
    page, changes = await while_it_changes(process, read_status(process))
    assert changes > 2, "in between"
    status = orjson.loads(await page.text(Question(Form.JSON, None, None)))
    names = [backend["name"] for backend in status["pools"][0]["backends"]]
    assert len(set(names)) == len(names) >= len(process.pools["chat"].slots)


async def test_an_answer_of_the_status_is_made_once_for_all_equal_questions(process: Process) -> None:
    page = await read_status(process)
    questions = [Question(Form.CSV, None, None), Question(Form.CSV, "chat", None), Question(Form.JSON, None, None)]
    for question in questions:
        first, second = await asyncio.gather(page.answer(question), page.answer(question))
        assert first is second


def calls(reading: Callable[[Process], Any], backends: int) -> int:
    """Calls of functions, in Python and in C, that it takes to read a report about so many backends."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    with process_of(MANY[:backends]) as process:
        for backend in MANY[:backends]:
            process.pools["chat"].probed(backend.name, None, 0.001)
        at_once(reading(process))  # what is made once
        sys.setprofile(note)
        try:
            at_once(reading(process))
        finally:
            sys.setprofile(None)
    return count


@pytest.mark.parametrize(("reading", "most"), [(read_page, 45), (read_status, 45)])
def test_a_report_about_one_more_backend_takes_a_bounded_number_of_calls(reading: Any, most: int) -> None:
    few, many = calls(reading, 320), calls(reading, 640)
    assert 0 < many - few <= most * 320


def test_a_status_that_is_kept_takes_about_as_much_memory_as_its_text(process: Process) -> None:
    tracemalloc.start()
    try:
        page = at_once(read_status(process))
        held, _ = tracemalloc.get_traced_memory()
        text = at_once(page.text(Question(Form.JSON, None, None)))
    finally:
        tracemalloc.stop()
    assert held < 2 * len(text)


async def test_both_formats_of_the_metrics_share_the_samples(process: Process) -> None:
    page = await read_page(process)
    text, openmetrics = page.chunks(Format.TEXT), page.chunks(Format.OPENMETRICS)
    assert page.chunks(Format.TEXT) is text
    own = sum(len(chunk) for chunk in openmetrics if not any(chunk is shared for shared in text))
    assert own < sum(map(len, openmetrics)) / 100
