"""A scripted API server with one Service of one pod."""

from collections.abc import AsyncIterator

import pytest

from tests.support.api_server import ApiServer, running_api_server
from tests.support.following import ONE


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with running_api_server() as running:
        await running.put(ONE)
        yield running
