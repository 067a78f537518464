"""Bytes that the kernel carries: which ones, what happens without pipes, and that no pipe is kept longer than needed."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from app.core.splice import Splice
from app.dataplane.splice import LARGEST, MOST_PIPES, Pipe, Pipes
from app.link.board import POOLS, PoolCell
from tests.dataplane.route import Route, route
from tests.support.peers import Peer, checksum, payload
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker

MEBIBYTE = 1 << 20


@pytest.fixture
async def way() -> AsyncIterator[Route]:
    """A route through a worker that splices when it is worth it."""
    async with running_worker(splice=Splice.ADAPTIVE) as worker, route(worker) as way:
        yield way


async def transfer(sender: Peer, receiver: Peer, size: int) -> None:
    data = payload(size)
    sending = asyncio.create_task(sender.send(data))
    assert checksum(await receiver.read_exactly(size)) == checksum(data)
    await sending


async def relayed(worker: Worker, total: int) -> tuple[int, int]:
    """Bytes copied and spliced, once the board knows of all."""

    def cells() -> tuple[int, int]:
        return worker.own(POOLS, PoolCell.COPIED_BYTES), worker.own(POOLS, PoolCell.SPLICED_BYTES)

    await until(lambda: sum(cells()) == total)
    return cells()


@pytest.mark.parametrize("download", [True, False])
async def test_a_stream_that_fills_the_buffer_is_spliced_until_it_calms_down(way: Route, *, download: bool) -> None:
    client, backend = await way.session()
    sender, receiver = (backend, client) if download else (client, backend)
    for number in range(20):
        await transfer(sender, receiver, 100 + number)
    small = sum(100 + number for number in range(20))
    assert await relayed(way.worker, small) == (small, 0)
    await transfer(sender, receiver, 64 * MEBIBYTE)
    copied, spliced = await relayed(way.worker, small + 64 * MEBIBYTE)
    assert spliced > copied
    for _ in range(50):
        await transfer(sender, receiver, 100)
    copied_after, _ = await relayed(way.worker, small + 64 * MEBIBYTE + 5000)
    assert copied_after > copied


async def test_without_descriptors_for_a_pipe_bytes_are_copied(way: Route) -> None:
    client, backend = await way.session()
    await way.worker.sessions()
    way.worker.limit_descriptors(len(way.worker.descriptors))
    await transfer(client, backend, 16 * MEBIBYTE)
    assert await relayed(way.worker, 16 * MEBIBYTE) == (16 * MEBIBYTE, 0)


async def test_pipes_are_closed_when_nobody_needs_them_any_more(way: Route) -> None:
    client, backend = await way.session()
    await way.worker.sessions()
    before = way.worker.descriptors
    await transfer(client, backend, 64 * MEBIBYTE)
    await until(lambda: way.worker.descriptors == before)


async def test_streams_that_are_stuck_share_a_bounded_number_of_pipes_and_lose_nothing() -> None:
    size, kernel_buffer = 8 * MEBIBYTE, 64 * 1024
    async with running_worker(splice=Splice.ALWAYS) as worker, route(worker, kernel_buffer=kernel_buffer) as way:
        pairs = [await way.session(receive_buffer=kernel_buffer) for _ in range(MOST_PIPES + 10)]
        await worker.sessions()
        before = len(worker.descriptors)
        data = payload(size)
        sending = [asyncio.create_task(backend.send(data)) for _, backend in pairs]
        await until(lambda: len(worker.descriptors) - before == 2 * MOST_PIPES)
        for client, _ in pairs:
            assert checksum(await client.read_exactly(size)) == checksum(data)
            assert len(worker.descriptors) - before <= 2 * MOST_PIPES
        await asyncio.gather(*sending)


async def test_a_session_that_ends_with_bytes_in_a_pipe_gives_its_room_back() -> None:
    kernel_buffer = 64 * 1024
    async with running_worker(splice=Splice.ALWAYS) as worker, route(worker, kernel_buffer=kernel_buffer) as way:
        await worker.sessions()
        before = worker.descriptors
        for _ in range(3):
            pairs = [await way.session(receive_buffer=kernel_buffer) for _ in range(MOST_PIPES)]
            sending = [asyncio.create_task(backend.send(payload(8 * MEBIBYTE))) for _, backend in pairs]
            await until(lambda: len(worker.descriptors - before) == 4 * MOST_PIPES)
            for client, _ in pairs:
                client.reset()
            await asyncio.gather(*sending, return_exceptions=True)
            await until(lambda: worker.descriptors == before)


def test_pipes_are_lent_up_to_a_number_and_come_back_empty() -> None:
    pipes, before = Pipes(), open_descriptors()
    lent = [pipe for _ in range(MOST_PIPES) if (pipe := pipes.take())]
    assert len(lent) == MOST_PIPES
    assert pipes.take() is None
    lent[0].filled = 1
    for pipe in lent:
        pipes.give(pipe)
    assert open_descriptors() - before == 2 * (MOST_PIPES - 1)
    assert lent[0] not in [pipes.take() for _ in range(MOST_PIPES)]
    for pipe in lent[1:]:
        pipes.give(pipe)
    pipes.sweep()
    pipes.sweep()
    assert open_descriptors() - before <= 2


def test_a_pipe_has_as_much_room_as_the_system_allows() -> None:
    pipe = Pipe()
    assert pipe.room == int(LARGEST.read_text())
    pipe.close()


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208
