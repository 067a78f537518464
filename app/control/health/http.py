"""Probe kind `http`: a GET request is answered with an expected status."""

from app.control.health.exchange import get
from app.control.health.target import ProbeError, Target


async def probe(target: Target) -> None:
    """Ask for the path; redirects are not followed and the body is not read. Raises ProbeError or OSError."""
    expected = target.settings.expect_status
    async with get(target, target.settings.path) as answer:
        if not expected.allows(answer.status):
            raise ProbeError(f"expected status {expected}, got {answer.status}")
