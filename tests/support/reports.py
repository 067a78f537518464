"""What `/status` and `/metrics` say of a process that a test has made of parts, without an admin port."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import orjson
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tidegate.control.process import Process
from tidegate.control.report.metrics.page import Format, read_page
from tidegate.control.report.status.page import Form, Question, read_status

T = TypeVar("T")


def status_of(process: Process) -> dict[str, Any]:
    """The JSON of `/status`."""
    page = _at_once(read_status(process))
    status = orjson.loads(_at_once(page.text(Question(Form.JSON, None, None))))
    assert isinstance(status, dict)
    return status


def samples_of(process: Process) -> list[Sample]:
    """All samples of `/metrics`."""
    text = b"".join(_at_once(read_page(process)).chunks(Format.TEXT)).decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def _at_once(reading: Coroutine[Any, None, T]) -> T:
    """The result of a coroutine that waits for nothing but its turn, also where a loop runs already."""
    while True:
        try:
            reading.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
