"""Probe kind `https`: the backend answers a GET request over TLS with an expected status."""

from tidegate.control.health.connection import Connection
from tidegate.control.health.exchange import ask
from tidegate.control.health.kinds.http import judge
from tidegate.control.health.request import ProbeRequest
from tidegate.control.health.tls_layer import context_of


async def probe(request: ProbeRequest) -> None:
    """Request the path. Does not follow redirects or read the body. Raises ProbeError or OSError."""
    async with Connection(request) as connection:
        await connection.start_tls(context_of(request), request.server_name)
        judge(await ask(connection, request, request.settings.path), request)
