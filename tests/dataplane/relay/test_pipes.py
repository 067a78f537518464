"""Bytes that the kernel carries: which ones, what happens without pipes, and that no pipe is kept longer than needed."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from itertools import islice

import pytest

from tests.dataplane.route import Route, route
from tests.support.descriptors import open_descriptors
from tests.support.peers import Peer, checksum, payload
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.core.limits import MOST_PIPES
from tidegate.core.splice import Splice
from tidegate.dataplane.relay.pipes import SMALLEST, Pipe, Pipes
from tidegate.link.board import POOLS, PoolCell

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


@pytest.mark.parametrize("free", [0, 1, 2, 3])
async def test_without_descriptors_for_a_pipe_bytes_are_copied_and_none_is_lost(way: Route, free: int) -> None:
    client, backend = await way.session()
    await way.worker.sessions()
    before = way.worker.descriptors
    way.worker.limit_descriptors(nth_free(before, free))
    await transfer(client, backend, 16 * MEBIBYTE)
    copied, spliced = await relayed(way.worker, 16 * MEBIBYTE)
    assert bool(spliced) == (free >= 2)
    assert copied > 0
    await until(lambda: way.worker.descriptors == before)


def nth_free(descriptors: set[int], count: int) -> int:
    """The number above so many that are not taken."""
    free = (number for number in range(1 << 16) if number not in descriptors)
    return next(islice(free, count, None))


async def test_pipes_are_closed_when_nobody_needs_them_any_more(way: Route) -> None:
    client, backend = await way.session()
    await way.worker.sessions()
    before = way.worker.descriptors
    await transfer(client, backend, 64 * MEBIBYTE)
    _, spliced = await relayed(way.worker, 64 * MEBIBYTE)
    assert spliced > 0
    await until(lambda: way.worker.descriptors == before)


@pytest.mark.parametrize("mode", Splice)
@pytest.mark.parametrize("size", [3, 8 * MEBIBYTE])
@pytest.mark.parametrize("ends", [True, False])
async def test_urgent_data_of_a_client_and_what_is_behind_it_arrives_in_its_place(
    mode: Splice, size: int, *, ends: bool
) -> None:
    async with running_worker(splice=mode) as worker, route(worker) as way:
        client, backend = await way.session()
        data, rest = payload(size), payload(3000, 1)

        async def send() -> None:
            await client.send(data)
            client.sock.send(b"!", socket.MSG_OOB)
            await client.send(rest)
            if ends:
                client.end()

        sending = asyncio.create_task(send())
        assert checksum(await backend.read_exactly(size + 1 + len(rest))) == checksum(data + b"!" + rest)
        await sending
        if ends:
            assert await backend.read() == b""
            backend.end()
            assert await client.read() == b""
            assert (await worker.closed())["reason"] == "client_eof"


@pytest.mark.parametrize("mode", Splice)
async def test_urgent_data_of_a_backend_that_is_calm_arrives_in_its_place(mode: Splice) -> None:
    async with running_worker(splice=mode) as worker, route(worker) as way:
        client, backend = await way.session()
        for word in (b"abort", b"again"):
            await transfer(backend, client, 100)
            backend.sock.send(b"!", socket.MSG_OOB)
            assert await client.read_exactly(1) == b"!"
            await backend.send(word)
            backend.sock.send(b"?", socket.MSG_OOB)
            await backend.send(word)
            assert await client.read_exactly(11) == word + b"?" + word


async def test_streams_that_are_stuck_share_a_bounded_number_of_pipes_and_lose_nothing() -> None:
    size, kernel_buffer = 4 * MEBIBYTE, 64 * 1024
    async with running_worker(splice=Splice.ALWAYS) as worker, route(worker, kernel_buffer=kernel_buffer) as way:
        await worker.sessions()
        before = len(worker.descriptors)
        pairs = [await way.session(receive_buffer=kernel_buffer) for _ in range(2 * MOST_PIPES)]
        before += 2 * len(pairs)
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
            await until(lambda: len(worker.descriptors - before) > 3 * MOST_PIPES)
            for client, _ in pairs:
                client.reset()
            await asyncio.gather(*sending, return_exceptions=True)
            await until(lambda: worker.descriptors == before)


def test_pipes_are_lent_up_to_a_number_and_come_back_empty() -> None:
    gc.collect()  # what other tests have left must not be closed meanwhile
    pipes, before = Pipes(), open_descriptors()
    lent = [pipe for _ in range(MOST_PIPES) if (pipe := pipes.take())]
    assert len(lent) == MOST_PIPES
    assert pipes.take() is None
    lent[0].filled = 1
    for pipe in lent:
        pipes.give(pipe)
    assert len(open_descriptors() - before) == 2 * (MOST_PIPES - 1)
    lent_again = [pipe for _ in range(MOST_PIPES) if (pipe := pipes.take())]
    assert lent[0] not in lent_again
    for pipe in lent_again:
        pipes.give(pipe)
    pipes.sweep()
    pipes.sweep()
    assert open_descriptors() <= before


def test_where_splicing_is_refused_no_pipe_is_lent_until_the_next_sweep() -> None:
    pipes = Pipes()
    pipe = pipes.take()
    assert pipe is not None
    pipes.refuse()
    pipes.give(pipe)
    assert pipes.take() is None
    pipes.sweep()
    assert pipes.take() is pipe
    pipe.close()


def test_streams_share_what_they_move_at_once_until_they_have_been_quiet_for_two_sweeps() -> None:
    pipes = Pipes()
    alone = pipes.room
    for _ in range(1000):
        pipes.count_stream()
    assert pipes.room == SMALLEST
    pipes.sweep()
    assert pipes.room == SMALLEST
    pipes.sweep()
    assert pipes.room == alone


def test_a_pipe_has_as_much_room_as_is_wanted_and_the_system_allows() -> None:
    pipe = Pipe(1 << 30)
    assert pipe.room >= SMALLEST
    smaller = Pipe(SMALLEST)
    assert smaller.room == SMALLEST
    pipe.close()
    smaller.close()
