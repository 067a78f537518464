"""Probe kind `http`: a GET request is answered with an expected status."""

from app.control.health.exchange import get
from app.control.health.request import ProbeError, ProbeRequest


async def probe(request: ProbeRequest) -> None:
    """Ask for the path; redirects are not followed and the body is not read. Raises ProbeError or OSError."""
    expected = request.settings.expect_status
    async with get(request, request.settings.path) as answer:
        if not expected.allows(answer.status):
            raise ProbeError(f"expected status {expected}, got {answer.status}")
