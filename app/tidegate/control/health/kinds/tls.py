"""Probe kind `tls`: a TLS handshake succeeds, with the certificate verified unless the settings say otherwise."""

from tidegate.control.health.connection import Connection
from tidegate.control.health.request import ProbeRequest
from tidegate.control.health.tls_layer import context_of


async def probe(request: ProbeRequest) -> None:
    """Do the handshake and close. Raises ProbeError or OSError."""
    async with Connection(request) as connection:
        await connection.start_tls(context_of(request), request.server_name)
