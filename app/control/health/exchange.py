"""The HTTP of the probes: one request on a fresh connection, and no more of the answer than is needed to judge it.

A client library would do more: it follows, collects and decodes, and a backend that never stops sending would cost control
what its probes must not cost. Here every part of an answer has a bound.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.control.health.request import ProbeError, ProbeRequest

MOST_LINE = 8 * 1024
MOST_HEADERS = 128
MOST_INTERIM_ANSWERS = 8
SHOWN = 60
CLOSED = "connection closed without an answer"

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: .*)?")


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, the headers by lower-case name, and the stream behind them."""

    status: int
    headers: Mapping[str, str]
    stream: asyncio.StreamReader


@asynccontextmanager
async def get(request: ProbeRequest, path: str, extra_headers: Mapping[str, str] | None = None) -> AsyncIterator[Answer]:
    """Ask the backend for a path; the connection is dropped at the end. Raises ProbeError or OSError."""
    stream, writer = await asyncio.open_connection(*request.address, limit=MOST_LINE)
    try:
        headers = {
            "Host": request.host_header,
            "User-Agent": "tidegate-probe",
            "Connection": "close",
            **(extra_headers or {}),
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        yield await _answer(stream)
    finally:
        writer.transport.abort()


async def _answer(stream: asyncio.StreamReader) -> Answer:
    for _ in range(MOST_INTERIM_ANSWERS):
        status = await _status(stream)
        headers = await _headers(stream)
        if status >= 200 or status == 101:
            return Answer(status, headers, stream)
    raise ProbeError(f"got {MOST_INTERIM_ANSWERS} interim answers (status 1xx) and no final one")


async def _status(stream: asyncio.StreamReader) -> int:
    line = await _line(stream)
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise ProbeError(f"expected an HTTP answer, got {line[:SHOWN].decode(errors='replace')!r}")
    return int(match[1])


async def _headers(stream: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = await _line(stream)
        if not line:
            return headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise ProbeError(f"the answer has more than {MOST_HEADERS} headers")


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return (await stream.readuntil(b"\n")).rstrip(b"\r\n")
    except asyncio.LimitOverrunError:
        raise ProbeError(f"the answer has a line of more than {MOST_LINE} bytes") from None
    except asyncio.IncompleteReadError as error:
        raise ProbeError("connection closed in the middle of an answer" if error.partial else CLOSED) from None
