"""A worker for tests that need just one, as it usually is."""

from collections.abc import AsyncIterator

import pytest

from tests.support.worker import Worker, running_worker


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    """A running worker that knows no pool and no listener yet."""
    async with running_worker() as worker:
        yield worker
