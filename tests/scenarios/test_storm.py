"""Clients that come back all at once, and clients that are too many: rate, queue and limits over real processes."""

import asyncio
from contextlib import AsyncExitStack
from time import monotonic

from tests.support import peers
from tests.support.backends import echo, running_backend
from tests.support.clients import Client, ask_all, clients, connect
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until

CLIENTS = 2000
RATE, BURST = 200, 400


async def test_two_thousand_clients_that_come_back_at_once_are_all_served_and_never_faster_than_the_rate() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(BACKENDS=backend.name, HEALTH__TYPE="none", ACCEPT_RATE=RATE, ACCEPT_BURST=BURST) as proxy,
    ):
        started = monotonic()
        async with clients(proxy.port, CLIENTS) as connected, asyncio.timeout(60):
            assert await ask_all(connected) == CLIENTS
            assert await proxy.metrics("tidegate_listener_rate_pauses_total") > 0
            assert await proxy.metrics("tidegate_listener_accept_pauses_total") == 0
        assert len(backend.accepted_at) == CLIENTS
        for count, time in enumerate(sorted(backend.accepted_at), 1):
            assert count <= BURST + RATE * (time - started), "this many had come through by then"


async def test_clients_above_all_limits_wait_in_the_queue_or_are_reset_with_the_reason_in_log_and_metrics() -> None:
    async with (
        running_backend(echo) as backend,
        running_proxy(
            BACKENDS=f"{backend.name} max_connections=2", QUEUE__SIZE=1, QUEUE__TIMEOUT="20s", MAX_CONNECTIONS=10
        ) as proxy,
        AsyncExitStack() as stack,
    ):
        served = [await served_client(stack, proxy) for _ in range(2)]
        waiting = await connect(proxy.port)
        stack.push_async_callback(waiting.close)
        await until(lambda: metric_is(proxy, 1, "tidegate_pool_queued"))
        with await peers.connect(proxy.port) as one_too_many:
            assert await one_too_many.was_reset()
        assert (await proxy.event("session_closed", reason="rejected"))["rejected"] == "queue_full"
        assert await proxy.metrics("tidegate_listener_rejected_total", reason="queue_full") == 1
        await served[0].finish()
        assert await waiting.ask(b"at last") == b"at last"
        assert await proxy.metrics("tidegate_pool_queued") == 0
        assert await waiting.finish() == b""
        assert "queued_ms" in await proxy.event("session_closed", client=waiting.address)


async def served_client(stack: AsyncExitStack, proxy: Proxy) -> Client:
    client = await connect(proxy.port)
    stack.push_async_callback(client.close)
    assert await client.ask(b"hello") == b"hello"
    return client


async def metric_is(proxy: Proxy, value: float, name: str) -> bool:
    return await proxy.metrics(name) == value
