"""Clients keep their backend over workers, and over the death of workers."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack

from tests.support.backends import Behaviour, running_backend
from tests.support.clients import connect
from tests.support.proxy import Proxy, running_proxy
from tests.support.waiting import until

CLIENTS = [f"127.0.0.{number}" for number in range(10, 22)]


async def test_all_workers_and_those_that_take_their_place_give_a_client_the_backend_that_it_had() -> None:
    async with AsyncExitStack() as stack:
        backends = [await stack.enter_async_context(running_backend(saying(name))) for name in (b"a", b"b", b"c")]
        names = ",".join(backend.name for backend in backends)
        proxy = await stack.enter_async_context(
            running_proxy(BACKENDS=names, BALANCE="round_robin", AFFINITY__TTL="1h", WORKERS=2)
        )
        first = {client: await backend_of(client, proxy) for client in CLIENTS}
        assert set(first.values()) == {b"a", b"b", b"c"}
        await until(lambda: all_are_known(proxy))
        await everybody_comes_back(proxy, first, times=4)  # some of them to the other worker
        for pid in await proxy.worker_pids():
            os.kill(pid, signal.SIGKILL)
            await proxy.event("worker_restarted", pid=pid)
        await everybody_comes_back(proxy, first, times=2)


async def everybody_comes_back(proxy: Proxy, first: dict[str, bytes], *, times: int) -> None:
    for _ in range(times):
        assert {client: await backend_of(client, proxy) for client in CLIENTS} == first


async def all_are_known(proxy: Proxy) -> bool:
    return await proxy.metrics("tidegate_pool_affinity_clients") == len(CLIENTS)


async def backend_of(client: str, proxy: Proxy) -> bytes:
    connection = await connect(proxy.port, source=client)
    try:
        return await connection.reader.readexactly(1)
    finally:
        await connection.close()


def saying(name: bytes) -> Behaviour:
    """Say the name and wait for the client to end."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name)
        await reader.read()

    return behave
