"""Workers that do not accept: the others serve their clients, and they get their share back."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.support.backends import echo, running_backend
from tests.support.clients import Client, ask_all, clients
from tests.support.proxy import Fields, Proxy, running_proxy
from tests.support.sharing import sessions_by_worker, until_all_workers_accept
from tests.support.waiting import until

NEWCOMERS = 20
BURST = 200
PATIENCE = 15.0


@asynccontextmanager
async def two_workers() -> AsyncIterator[tuple[Proxy, list[int]]]:
    """A proxy in front of an echoing backend, and the process ids of its workers."""
    async with running_backend(echo) as backend, running_proxy(BACKENDS=backend.name, WORKERS=2) as proxy:
        yield proxy, [worker["pid"] for worker in await until(partial(workers_that_run, proxy))]


async def workers_that_run(proxy: Proxy) -> list[Fields]:
    """Both workers, once both run."""
    workers: list[Fields] = (await proxy.status())["workers"]
    return workers if all(worker["pid"] for worker in workers) else []


def limit_descriptors(pid: int, number: int) -> None:
    _soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (number, hard))


def open_descriptors(pid: int) -> set[int]:
    return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}


async def stopped(_proxy: Proxy, pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


async def kept_dead(proxy: Proxy, pid: int) -> None:
    limit_descriptors(proxy.process.pid, 3)  # control cannot start another one
    os.kill(pid, signal.SIGKILL)
    lost = await proxy.event("worker_restarted")
    await proxy.event("worker_restarted", after=proxy.log.index(lost) + 1)


async def out_of_descriptors(_proxy: Proxy, pid: int) -> None:
    used = open_descriptors(pid)
    limit_descriptors(pid, min(set(range(max(used) + 2)) - used))


@pytest.mark.parametrize("made_idle", [stopped, kept_dead, out_of_descriptors])
async def test_all_newcomers_are_served_while_one_of_two_workers_does_not_accept(
    made_idle: Callable[[Proxy, int], Awaitable[None]],
) -> None:
    async with two_workers() as (proxy, pids):
        await made_idle(proxy, pids[0])
        async with clients(proxy.port, NEWCOMERS) as newcomers:
            assert await served(newcomers) == NEWCOMERS
        limit_descriptors(proxy.process.pid, 1000)
        await until(partial(all_are_counted, proxy))


async def served(newcomers: Sequence[Client]) -> int:
    """How many have got an answer when no more come."""
    async with asyncio.timeout(PATIENCE):
        return await ask_all(newcomers)


async def all_are_counted(proxy: Proxy) -> bool:
    """Whether the newcomers have come and gone, and each was counted once."""
    (listener,) = (await proxy.status())["listeners"]
    return (listener["connections_total"], listener["connections_active"]) == (NEWCOMERS, 0)


async def test_a_client_that_waits_for_a_worker_that_has_died_is_served_by_another_one() -> None:
    """Here both are stopped, so that no worker was ready when it came; and one never comes back."""
    async with two_workers() as (proxy, pids):
        limit_descriptors(proxy.process.pid, 3)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        async with clients(proxy.port, NEWCOMERS) as newcomers:
            os.kill(pids[0], signal.SIGKILL)
            os.kill(pids[1], signal.SIGCONT)
            assert await served(newcomers) == NEWCOMERS


async def test_a_burst_of_clients_is_spread_evenly_over_the_workers() -> None:
    async with two_workers() as (proxy, _pids):
        await until_all_workers_accept(proxy)
        async with clients(proxy.port, BURST) as connected:
            assert await served(connected) == BURST
            counts = await until(partial(sessions_once_there_are, proxy, BURST))
        assert min(counts) > BURST / 4


async def sessions_once_there_are(proxy: Proxy, sessions: int) -> list[int]:
    """The sessions of each worker, once there are as many in all."""
    counts = await sessions_by_worker(proxy)
    return counts if sum(counts) == sessions else []


async def test_a_worker_that_was_started_again_gets_its_share_again() -> None:
    async with two_workers() as (proxy, pids):
        os.kill(pids[0], signal.SIGKILL)
        await proxy.event("worker_restarted")
        await until_all_workers_accept(proxy)


async def test_a_drain_serves_all_clients_that_are_queued_at_the_sockets_of_both_workers() -> None:
    async with two_workers() as (proxy, pids):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        async with clients(proxy.port, NEWCOMERS) as newcomers:
            proxy.signal(signal.SIGTERM)
            await proxy.event("drain_started")
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            assert await served(newcomers) == NEWCOMERS
        assert await proxy.exit_code() == 0
