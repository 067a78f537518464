"""HTTP for probes: sends one request on a new connection, and reads only the part of the answer that decides the result.

A client library would follow redirects, collect and decode, so a backend that sends endlessly would cost control too much.
Here every part of an answer has a bound.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tidegate.control.health.connection import Connection
from tidegate.control.health.request import ProbeError, ProbeRequest

MOST_HEADERS = 128
MOST_INTERIM_ANSWERS = 8

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: .*)?")


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, the headers by lower-case name, and the connection, from which the rest can be read."""

    status: int
    headers: Mapping[str, str]
    connection: Connection


@asynccontextmanager
async def get(request: ProbeRequest, path: str, extra_headers: Mapping[str, str] | None = None) -> AsyncIterator[Answer]:
    """Send a GET request for a path on a new connection, which is closed at the end. Raises ProbeError or OSError."""
    async with Connection(request) as connection:
        yield await ask(connection, request, path, extra_headers)


async def ask(
    connection: Connection, request: ProbeRequest, path: str, extra_headers: Mapping[str, str] | None = None
) -> Answer:
    """Send a GET request for a path on this connection. Raises ProbeError or OSError."""
    headers = {
        "Host": request.host_header,
        **user_agent(request),
        "Connection": "close",
        **(extra_headers or {}),
        **request.headers,
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    await connection.send("\r\n".join(lines).encode())
    for _ in range(MOST_INTERIM_ANSWERS):
        status = await _status(connection, request)
        received = await _headers(connection)
        if status >= 200 or status == 101:
            return Answer(status, received, connection)
    raise ProbeError(f"got {MOST_INTERIM_ANSWERS} interim answers (status 1xx) and no final one")


def user_agent(request: ProbeRequest) -> dict[str, str]:
    """The User-Agent header of the probe, unless the settings have one."""
    return {} if "user-agent" in map(str.lower, request.headers) else {"User-Agent": "tidegate-probe"}


async def _status(connection: Connection, request: ProbeRequest) -> int:
    line = await connection.line()
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise ProbeError(f"expected an HTTP answer, got {request.quoted(line)}")
    return int(match[1])


async def _headers(connection: Connection) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = await connection.line()
        if not line:
            return headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise ProbeError(f"the answer has more than {MOST_HEADERS} headers")
