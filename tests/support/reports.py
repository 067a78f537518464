"""What `/status` and `/metrics` say of a process that a test has made of parts, without an admin port."""

from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from os import close
from typing import Any, TypeVar

import orjson
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tidegate.control.log import ControlLog
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.process import Process
from tidegate.control.report.metrics.page import Format, read_page
from tidegate.control.report.status.page import Form, Question, read_status
from tidegate.control.totals import Totals
from tidegate.control.workers.processes import Workers
from tidegate.core.pools.backend import Backend
from tidegate.link.board import Board, Table
from tidegate.link.log_stream import LogStream
from tidegate.settings.parts.pool import PoolSettings

T = TypeVar("T")


@contextmanager
def process_of(backends: Sequence[Backend], workers: int = 2) -> Iterator[Process]:
    """A process with one pool, `chat`, of these backends, without sockets."""
    board = Board.create(workers)
    totals = Totals(board)
    settings = PoolSettings.model_validate({"backends": "10.0.0.1:80", "health": {"rise": 1, "fall": 1}})
    pool = LivePool("chat", settings, "static", totals, lambda _pool, _changes: None)
    pool.discovered(backends)
    log = ControlLog(LogStream(1))
    yield Process(totals, {"chat": pool}, {}, Workers(workers, totals, lambda _: None, lambda *_: None, {}), log)
    close(board.descriptor)


def status_of(process: Process) -> dict[str, Any]:
    """The JSON of `/status`."""
    page = at_once(read_status(process))
    status = orjson.loads(at_once(page.text(Question(Form.JSON, None, None))))
    assert isinstance(status, dict)
    return status


def samples_of(process: Process) -> list[Sample]:
    """All samples of `/metrics`."""
    text = b"".join(at_once(read_page(process)).chunks(Format.TEXT)).decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def number_of(process: Process, name: str, **labels: str) -> float | None:
    """The value of the only sample with this name and exactly these labels; None if there is none."""
    values = [sample.value for sample in samples_of(process) if (sample.name, sample.labels) == (name, labels)]
    assert len(values) <= 1
    return values[0] if values else None


def by_label(process: Process, name: str, label: str, **others: str) -> dict[str, float]:
    """The values of all samples with this name and these other labels, by the value of one label."""
    samples = [s for s in samples_of(process) if s.name == name and s.labels.items() >= others.items()]
    return {s.labels[label]: s.value for s in samples}


def count_distinctly(process: Process, table: Table, slot: int) -> list[int]:
    """Write another number into each cell of a slot, in the rows of all workers; returns the sum of each cell."""
    board = process.totals.board
    for worker in range(board.workers):
        for field in range(table.width):
            board.cells[board.base(worker) + table.cell(slot, field)] = 1_000_000 * (field + 1) + worker
    return process.totals.of_slot(table, slot)


def at_once(reading: Coroutine[Any, None, T]) -> T:
    """The result of a coroutine that waits for nothing but its turn, also where a loop runs already."""
    while True:
        try:
            reading.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
