"""Connections of several workers: each has its share, whatever the kernel's hash says."""

from contextlib import AsyncExitStack

from tests.support.backends import echo, running_backend
from tests.support.clients import clients
from tests.support.proxy import running_proxy
from tests.support.sharing import sessions_by_worker, until_all_workers_accept

WORKERS = 4
CONNECTIONS = 64


async def test_long_connections_are_spread_evenly_over_the_workers_and_each_is_logged_once() -> None:
    addresses = []
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, WORKERS=WORKERS) as proxy:
        await until_all_workers_accept(proxy)
        async with AsyncExitStack() as stack:
            for number in range(CONNECTIONS):
                (client,) = await stack.enter_async_context(clients(proxy.port, 1))
                assert await client.ask(b"%d" % number) == b"%d" % number
                addresses.append(client.address)
            counts = await sessions_by_worker(proxy)
            assert sum(counts) == CONNECTIONS
            assert max(counts) - min(counts) <= 3
        for address in addresses:
            await proxy.event("session_closed", client=address)
    assert len([line for line in proxy.log if line.get("client") in addresses]) == CONNECTIONS
