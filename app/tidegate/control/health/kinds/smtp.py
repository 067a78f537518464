"""Probe kind `smtp`: the server greets with 220 and answers EHLO with 250 (RFC 5321, sections 3.1 and 3.2)."""

from tidegate.control.health.connection import Connection
from tidegate.control.health.kinds.mail import MOST_LINES, expect_line
from tidegate.control.health.request import ProbeError, ProbeRequest


async def probe(request: ProbeRequest) -> None:
    """Read the greeting, send EHLO, and quit. Raises ProbeError or OSError."""
    async with Connection(request) as connection:
        await _reply(connection, request, b"220", "as a greeting")
        await connection.send(f"EHLO {_literal(connection.own_host)}\r\n".encode())
        await _reply(connection, request, b"250", "to EHLO")
        await connection.say_goodbye(b"QUIT\r\n")


async def _reply(connection: Connection, request: ProbeRequest, code: bytes, to: str) -> None:
    """Read all lines of a reply. In the last one, a space or nothing follows the code."""
    for _ in range(MOST_LINES):
        line = await expect_line(connection, request, (code,), to)
        if line[3:4] != b"-":
            return
    raise ProbeError(f"more than {MOST_LINES} lines {to}")


def _literal(host: str) -> str:
    """An address in place of a domain (RFC 5321, section 4.1.3)."""
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
