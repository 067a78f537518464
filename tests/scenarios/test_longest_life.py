"""The longest life of sessions: WebSockets that were opened together do not end together, and their clients come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from tests.support.ports import free_port
from tests.support.proxy import running_proxy
from tests.support.waiting import until
from tests.support.websockets import EchoServer, echo_servers, live_clients

CLIENTS = 24


@asynccontextmanager
async def echoing() -> AsyncIterator[EchoServer]:
    async with echo_servers([free_port()]) as (server,):
        await server.start()
        yield server


async def test_sessions_that_began_together_do_not_end_together() -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(echoing())
        lives: dict[str, Any] = {"MAX_DURATION": "6s", "MAX_DURATION_JITTER_PERCENT": 50}
        proxy = await stack.enter_async_context(running_proxy(BACKENDS=server.name, **lives))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        sockets = await asyncio.gather(*(session.ws_connect(proxy.url) for _ in range(CLIENTS)))
        ends = [asyncio.ensure_future(socket.receive()) for socket in sockets]

        async def have_ended(share: float) -> int:
            return await until(lambda: (count := sum(end.done() for end in ends)) >= share * CLIENTS and count)

        assert await have_ended(1 / CLIENTS) < CLIENTS / 2, "most live on when the first end"
        assert await have_ended(1 / 2) < CLIENTS, "some live on when half of them have ended"
        await have_ended(1)
        await until(lambda: len(proxy.events("session_closed", reason="max_duration")) == CLIENTS)
        lives_in_ms = [line["duration_ms"] for line in proxy.events("session_closed")]
        assert min(lives_in_ms) >= 3000
        assert await proxy.metrics("tidegate_connections_closed_total", reason="max_duration") == CLIENTS
        assert await proxy.stop() == 0


async def test_clients_that_talk_all_the_time_are_ended_too_and_come_back() -> None:
    async with echoing() as server, running_proxy(BACKENDS=server.name, MAX_DURATION="1s", WORKERS=2) as proxy:
        async with live_clients(proxy.url, idle=4, busy=4) as clients:
            await until(lambda: all(len(client.codes) >= 2 and client.connected for client in clients))
        await until(lambda: len(proxy.events("session_closed", reason="max_duration")) >= 2 * len(clients))
        assert await proxy.stop() == 0
