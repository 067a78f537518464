"""Probe kind `imap`: the server greets with OK or PREAUTH instead of BYE (RFC 9051, section 7.1)."""

from tidegate.control.health.connection import Connection
from tidegate.control.health.kinds.mail import expect_line
from tidegate.control.health.request import ProbeRequest


async def probe(request: ProbeRequest) -> None:
    """Read the greeting and log out. Raises ProbeError or OSError."""
    async with Connection(request) as connection:
        await expect_line(connection, request, (b"* OK", b"* PREAUTH"), "as a greeting")
        await connection.say_goodbye(b"a LOGOUT\r\n")
