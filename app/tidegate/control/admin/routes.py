"""The routes of the admin port and their answers."""

import re
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path

from tidegate.control.admin.access import Access
from tidegate.control.admin.answer import Answer, RefusedError, json_answer, text_answer
from tidegate.control.admin.connection import Answerer
from tidegate.control.admin.headers import page_policy
from tidegate.control.admin.request import Request
from tidegate.control.process import Process
from tidegate.control.report.metrics.page import Format, read_page
from tidegate.control.report.rendering import SharedResult
from tidegate.control.report.status.page import Form, Question, read_status
from tidegate.control.report.status.readiness import not_ready_reasons
from tidegate.core.pools.backend import State

PAGE = Path(__file__).with_name("page.html")
MOST_LISTED = 10_000
USUALLY_LISTED = 1_000
CONTENT_TYPES = {Form.JSON: "application/json", Form.CSV: "text/csv; charset=utf-8"}


class Routes:
    """All routes, which answer from the state of one process."""

    def __init__(self, process: Process, access: Access) -> None:
        self._process, self._access = process, access
        self._status = SharedResult(partial(read_status, process), "status")
        self._metrics = SharedResult(partial(read_page, process), "metrics")
        self._page = PAGE.read_bytes()
        self._page_policy = page_policy(self._page.decode())

    def table(self) -> dict[str, Answerer]:
        """The routes by path, in the order in which people see them."""
        return {
            "/": self.page,
            "/status": self.status,
            "/metrics": self.metrics,
            "/healthz": self.alive,
            "/livez": self.alive,
            "/readyz": self.ready,
            "/connections": self.connections,
        }

    async def page(self, _request: Request) -> Answer:
        """Answer with the status page for people."""
        headers = {"Content-Security-Policy": self._page_policy}
        return Answer([self._page], "text/html; charset=utf-8", headers=headers)

    async def status(self, request: Request) -> Answer:
        """Answer with the status, as JSON or CSV."""
        query = _known(request, "format", "pool", "state")
        pool = query.get("pool")
        if pool is not None and pool not in self._process.pools:
            raise _bad_query("pool", pool, self._process.pools)
        state = query.get("state")
        if state is not None and state not in set(State):
            raise _bad_query("state", state, State)
        form = query.get("format", Form.JSON)
        if form not in set(Form):
            raise _bad_query("format", form, Form)
        question = Question(Form(form), pool, None if state is None else State(state))
        answer = await (await self._status.get()).answer(question)
        return Answer([answer], CONTENT_TYPES[question.form])

    async def metrics(self, request: Request) -> Answer:
        """Answer with the metrics, in the format that the request accepts."""
        wanted = Format.asked_for(request.headers.get("accept", ""))
        page = await self._metrics.get()
        return Answer(page.chunks(wanted), wanted.value)

    async def alive(self, _request: Request) -> Answer:
        """Answer 200: control is alive if it can answer."""
        return text_answer("ok\n")

    async def ready(self, _request: Request) -> Answer:
        """Answer whether traffic may come: 200, or 503 with the reasons."""
        reasons = not_ready_reasons(self._process)
        status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
        return json_answer({"ready": not reasons, "reasons": reasons}, status)

    async def connections(self, request: Request) -> Answer:
        """Answer with the live sessions. They show clients' addresses, so access is checked."""
        self._access.check(request)
        query = _known(request, "limit", "pool", "backend")
        limit = query.get("limit", str(USUALLY_LISTED))
        if not re.fullmatch(r"[0-9]{1,5}", limit) or not 1 <= int(limit) <= MOST_LISTED:
            raise _bad_query("limit", limit, (f"1 to {MOST_LISTED}",))
        total, sessions = await self._process.workers.sessions(int(limit), query.get("pool", ""), query.get("backend", ""))
        return json_answer({"total": total, "connections": sessions})


def _known(request: Request, *names: str) -> Mapping[str, str]:
    for name in request.query:
        if name not in names:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"unknown parameter {name[:60]!r}; known are {', '.join(names)}\n")
    return request.query


def _bad_query(name: str, value: str, valid: object) -> RefusedError:
    choices = ", ".join(map(str, valid))  # type: ignore[call-overload]
    return RefusedError(HTTPStatus.BAD_REQUEST, f"{name}={value[:60]!r} is not known; valid are {choices}\n")
