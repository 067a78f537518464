"""Probe kind `tcp`: a connection can be opened."""

from tidegate.control.health.connection import Connection
from tidegate.control.health.request import ProbeRequest


async def probe(request: ProbeRequest) -> None:
    """Open a connection and close it. Raises OSError."""
    async with Connection(request):
        pass
