"""An answer: status, headers and chunks of bytes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import h11
import orjson

from tidegate.control.admin.headers import NO_CONTENT, SERVER
from tidegate.control.report.status.fields import Json

PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. Several answers may share the chunks of a body."""

    body: Sequence[bytes]
    content_type: str = PLAIN
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)

    def head(self, *, is_last: bool) -> h11.Response:
        """What comes before the body. The connection ends after the last answer."""
        headers = {
            "Content-Type": self.content_type,
            "Content-Length": str(sum(map(len, self.body))),
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
            "Server": SERVER,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": NO_CONTENT,
            **({"Connection": "close"} if is_last else {}),
            **self.headers,
        }
        return h11.Response(status_code=self.status, reason=self.status.phrase, headers=list(headers.items()))


class RefusedError(Exception):
    """A request is refused with this status and text."""

    def __init__(self, status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.answer = text_answer(text, status, headers)


def text_answer(text: str, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Answer:
    """Plain text for people."""
    return Answer([text.encode(errors="replace")], PLAIN, status, headers or {})


def json_answer(body: Json, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """JSON, indented for people."""
    text = orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return Answer([text], "application/json", status)
