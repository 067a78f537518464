"""What the probes of mail servers have in common: a greeting, and answers of one or more lines."""

from tidegate.control.health.connection import Connection
from tidegate.control.health.request import ProbeError, ProbeRequest

MOST_LINES = 64


async def expect_line(connection: Connection, request: ProbeRequest, starts: tuple[bytes, ...], to: str) -> bytes:
    """The next line, which must start in one of these ways. Raises ProbeError or OSError."""
    line = await connection.line()
    if not line.startswith(starts):
        raise ProbeError(f"expected {b' or '.join(starts).decode()} {to}, got {request.quoted(line)}")
    return line
