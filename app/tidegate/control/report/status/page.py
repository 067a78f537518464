"""The texts of `/status`: the whole status of one moment, or a selection of pools and backends, as JSON or CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import NamedTuple, assert_never

import orjson

from tidegate.control.process import Process
from tidegate.control.report.rendering import SharedResult, in_slices
from tidegate.control.report.status import fields
from tidegate.control.report.views import PoolView
from tidegate.core.pools.backend import State
from tidegate.link.compact import compact

BACKEND_COLUMNS = (
    "name",
    "address",
    "port",
    "state",
    "since",
    "weight",
    "effective_weight",
    "backup",
    "connections_active",
    "connections_total",
    "connect_failures_total",
    "sent_bytes_total",
    "received_bytes_total",
    "pod",
    "node",
    "zone",
)
HEALTH_COLUMNS = ("type", "successes", "failures", "last_check", "last_result", "latency_seconds")


class Form(StrEnum):
    """The format of an answer."""

    JSON = "json"
    CSV = "csv"


class Question(NamedTuple):
    """A request for the status: the format, and which pool and which state of backends to include; None means all."""

    form: Form
    pool: str | None
    state: State | None


class BackendText(NamedTuple):
    """A backend's state, and its JSON on one line."""

    state: State
    json: bytes


class StatusPage:
    """The status of one moment."""

    def __init__(self, process: fields.Json, pools: Sequence[tuple[fields.Json, Sequence[BackendText]]]) -> None:
        self._process, self._pools = process, pools
        self._answers: dict[Question, SharedResult[bytes]] = {}

    async def answer(self, question: Question) -> bytes:
        """The text of an answer, made once for all requests with the same question."""
        if question not in self._answers:
            self._answers[question] = SharedResult(partial(self.text, question), "status answer")
        return await self._answers[question].get()

    async def text(self, question: Question) -> bytes:
        """Make the text of an answer, in slices."""
        match question.form:
            case Form.JSON:
                return self._json(question)
            case Form.CSV:
                return await self._csv(question)
            case _:
                assert_never(question.form)

    def _json(self, question: Question) -> bytes:
        pools = [
            {**pool, "backends": [orjson.Fragment(backend.json) for backend in backends]}
            for pool, backends in self._chosen(question)
        ]
        return orjson.dumps({**self._process, "pools": pools}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    async def _csv(self, question: Question) -> bytes:
        """One row per backend. The first columns identify it; the last ones show its probes."""
        output = io.StringIO()
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(("pool", *BACKEND_COLUMNS, *(f"health_{column}" for column in HEALTH_COLUMNS)))
        rows = ((pool["name"], text) for pool, backends in self._chosen(question) for text in backends)
        async for pool, text in in_slices(rows):
            backend = orjson.loads(text.json)
            health = backend["health"]
            own, probes = (backend[column] for column in BACKEND_COLUMNS), (health[column] for column in HEALTH_COLUMNS)
            writer.writerow((pool, *own, *probes))
        return output.getvalue().encode()

    def _chosen(self, question: Question) -> Iterator[tuple[fields.Json, list[BackendText]]]:
        for pool, backends in self._pools:
            if question.pool in (None, pool["name"]):
                yield pool, [backend for backend in backends if question.state in (None, backend.state)]


async def read_status(process: Process) -> StatusPage:
    """Read the whole status, in slices."""
    head = fields.of_process(process)
    pools: list[tuple[fields.Json, list[BackendText]]] = []
    for view in [PoolView(pool) for pool in process.pools.values()]:
        backends = in_slices(view.backends(process.totals))
        texts = [BackendText(view.member.state, compact(orjson.dumps(fields.of_backend(view)))) async for view in backends]
        pools.append((fields.of_pool(view), texts))
    return StatusPage(head, pools)
