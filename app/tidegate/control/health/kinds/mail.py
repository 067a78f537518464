"""Reads a line of an answer of a mail server, for the probes `smtp`, `pop3` and `imap`."""

from tidegate.control.health.connection import Connection
from tidegate.control.health.request import ProbeError, ProbeRequest

MOST_LINES = 64


async def expect_line(connection: Connection, request: ProbeRequest, starts: tuple[bytes, ...], to: str) -> bytes:
    """Read the next line, which must start with one of `starts`; `to` is for the reason. Raises ProbeError or OSError."""
    line = await connection.line()
    if not line.startswith(starts):
        raise ProbeError(f"expected {b' or '.join(starts).decode()} {to}, got {request.quoted(line)}")
    return line
