"""Probe kind `tls`: a TLS handshake succeeds, with the certificate verified unless the settings say otherwise."""

from app.control.health.connection import connected
from app.control.health.request import ProbeRequest
from app.control.health.tls_layer import context_of


async def probe(request: ProbeRequest) -> None:
    """Shake hands and close. Raises ProbeError or OSError."""
    async with connected(request) as connection:
        await connection.start_tls(context_of(request), request.server_name)
