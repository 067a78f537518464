"""Probe kind `https`: a GET request over TLS is answered with an expected status."""

from tidegate.control.health.connection import connected
from tidegate.control.health.exchange import ask
from tidegate.control.health.kinds.http import judge
from tidegate.control.health.request import ProbeRequest
from tidegate.control.health.tls_layer import context_of


async def probe(request: ProbeRequest) -> None:
    """Ask for the path; redirects are not followed and the body is not read. Raises ProbeError or OSError."""
    async with connected(request) as connection:
        await connection.start_tls(context_of(request), request.server_name)
        judge(await ask(connection, request, request.settings.path), request)
