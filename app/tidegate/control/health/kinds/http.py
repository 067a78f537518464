"""Probe kind `http`: a GET request is answered with an expected status."""

from tidegate.control.health.exchange import Answer, get
from tidegate.control.health.request import ProbeError, ProbeRequest


async def probe(request: ProbeRequest) -> None:
    """Ask for the path; redirects are not followed and the body is not read. Raises ProbeError or OSError."""
    async with get(request, request.settings.path) as answer:
        judge(answer, request)


def judge(answer: Answer, request: ProbeRequest) -> None:
    """Raise ProbeError when the status is not an expected one."""
    expected = request.settings.expect_status
    if not expected.allows(answer.status):
        raise ProbeError(f"expected status {expected}, got {answer.status}")
