"""Waits until all workers of a proxy accept."""

from tests.support.clients import ask_all, clients
from tests.support.proxy import Proxy
from tests.support.waiting import until

NEWCOMERS = 20  # of which each of a few workers gets some


async def until_all_workers_accept(proxy: Proxy) -> None:
    """Let clients come and go until each worker has had some at the same time."""

    async def all_accept() -> bool:
        async with clients(proxy.port, NEWCOMERS) as newcomers:
            await ask_all(newcomers)
            return all(await sessions_by_worker(proxy))

    await until(all_accept)


async def sessions_by_worker(proxy: Proxy) -> list[int]:
    """How many sessions each worker has, in the order of their numbers."""
    return [worker["connections_active"] for worker in (await proxy.status())["workers"]]
