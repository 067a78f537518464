"""Probe kind `http`: the backend answers a GET request with an expected status."""

from tidegate.control.health.exchange import Answer, get
from tidegate.control.health.request import ProbeError, ProbeRequest


async def probe(request: ProbeRequest) -> None:
    """Request the path. Does not follow redirects or read the body. Raises ProbeError or OSError."""
    async with get(request, request.settings.path) as answer:
        judge(answer, request)


def judge(answer: Answer, request: ProbeRequest) -> None:
    """Raise ProbeError if the status is not an expected one."""
    expected = request.settings.expect_status
    if not expected.allows(answer.status):
        raise ProbeError(f"expected status {expected}, got {answer.status}")
