"""Probe kind `pop3`: the server greets with +OK (RFC 1939, section 4)."""

from tidegate.control.health.connection import Connection
from tidegate.control.health.kinds.mail import expect_line
from tidegate.control.health.request import ProbeRequest


async def probe(request: ProbeRequest) -> None:
    """Read the greeting and quit. Raises ProbeError or OSError."""
    async with Connection(request) as connection:
        await expect_line(connection, request, (b"+OK",), "as a greeting")
        await connection.say_goodbye(b"QUIT\r\n")
