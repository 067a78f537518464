"""Probe kind `http`: a GET request is answered with an expected status."""

from app.control.health.client import session
from app.control.health.target import ProbeError, Target


async def probe(target: Target) -> None:
    """Ask for the path; the body is not read. Raises ProbeError, OSError or aiohttp.ClientError."""
    async with (
        session(target.host_header) as client,
        client.get(target.url("http"), allow_redirects=False) as response,
    ):
        if not target.settings.expect_status.allows(response.status):
            raise ProbeError(f"expected status {target.settings.expect_status}, got {response.status}")
