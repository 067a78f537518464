"""The queue of a pool: who waits, who is next, and how waiting ends."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.support.peers import Listening, Peer, connect, dead_backend, listening
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.core.reasons import RejectReason
from tidegate.link.board import BACKENDS, LISTENERS, POOLS, REJECTED_CELL, SWEEP_INTERVAL, BackendCell, Board, PoolCell
from tidegate.link.messages import Drain


@dataclass
class FullPool:
    """A pool with one backend that has one place, which is taken."""

    worker: Worker
    port: int
    backend: Listening
    stack: ExitStack
    client: Peer
    served: Peer

    async def waiting(self, *, data: bytes = b"") -> Peer:
        """One more client, once it is in the queue."""
        before = queued(self.worker)
        client = self.stack.enter_context(await connect(self.port))
        if data:
            await client.send(data)
        await until(lambda: queued(self.worker) == before + 1)
        return client

    async def free_place(self) -> None:
        """End the session that has the place."""
        self.client.reset()
        self.served.close()

    async def next_served(self) -> Peer:
        """The next connection that the backend gets."""
        async with asyncio.timeout(10):
            self.served = self.stack.enter_context(await self.backend.accept())
        return self.served


def queued(worker: Worker) -> int:
    return worker.cell(POOLS, 0, PoolCell.QUEUED)


def rejected(worker: Worker, reason: RejectReason) -> int:
    return worker.cell(LISTENERS, 0, REJECTED_CELL[reason])


@asynccontextmanager
async def full_pool(worker: Worker, *, size: int = 10, patience: float = 30.0) -> AsyncIterator[FullPool]:
    with listening() as backend, ExitStack() as stack:
        worker.add_pool(queue_size=size, queue_timeout=patience)
        worker.set_backends([backend.backend(max_connections=1)])
        port = await worker.add_listener()
        client = stack.enter_context(await connect(port))
        served = stack.enter_context(await backend.accept())
        yield FullPool(worker, port, backend, stack, client, served)


async def test_who_comes_first_is_served_first_and_gets_what_it_has_sent_meanwhile_through(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        clients = [await pool.waiting(data=name) for name in (b"first", b"then")]
        names = [f"127.0.0.1:{client.port}" for client in clients]
        await pool.free_place()
        served = await pool.next_served()
        assert await served.read_exactly(5) == b"first"
        await served.send(b"welcome")
        assert await clients[0].read_exactly(7) == b"welcome"
        assert queued(worker) == 1
        clients[0].reset()
        assert await (await pool.next_served()).read_exactly(4) == b"then"
        clients[1].reset()
        lines = [await worker.closed(client=name) for name in names]
        assert all(0 < line["queued_ms"] < line["duration_ms"] for line in lines)
        assert [line["reason"] for line in lines] == ["client_reset"] * 2


async def test_the_end_of_a_session_gives_its_place_away_before_anything_else_happens(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        for _ in range(3):
            waiting = await pool.waiting(data=b"next")
            pool.client.end()
            pool.served.end()
            assert await pool.client.read_all() == b""
            worker.set_backends([pool.backend.backend(max_connections=1)], eligible=False)
            pool.client, served = waiting, await pool.next_served()
            assert await served.read_exactly(4) == b"next"
            worker.set_backends([pool.backend.backend(max_connections=1)])


async def test_a_newcomer_does_not_overtake_who_waits_for_a_place_that_another_worker_has_freed() -> None:
    board = Board.create(2)
    held_by_another = board.base(1) + BACKENDS.cell(0, BackendCell.ACTIVE)
    async with running_worker(board=board) as worker, full_pool(worker) as pool:
        board.cells[held_by_another] = 1
        await pool.free_place()
        for _ in range(5):
            await until(lambda: worker.active == 0)
            board.cells[held_by_another] = 1
            first = await pool.waiting(data=b"first")
            board.cells[held_by_another] = 0
            late = pool.stack.enter_context(await connect(pool.port))
            await late.send(b"late!")
            assert await (await pool.next_served()).read_exactly(5) == b"first"
            first.reset()
            assert await (await pool.next_served()).read_exactly(5) == b"late!"
            late.reset()


async def test_a_session_that_never_waited_says_nothing_about_waiting(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        await pool.free_place()
        line = await worker.closed()
        assert not {"queued_ms", "rejected"} & line.keys()


async def test_who_waits_too_long_is_reset_and_the_others_wait_on(worker: Worker) -> None:
    async with full_pool(worker, patience=0.5) as pool:
        client = await pool.waiting()
        assert await client.was_reset()
        line = await worker.closed(reason="rejected")
        assert (line["rejected"], line["backend"]) == ("queue_timeout", None)
        assert line["queued_ms"] >= 500
        assert rejected(worker, RejectReason.QUEUE_TIMEOUT) == 1
        assert queued(worker) == 0


async def test_a_full_queue_turns_newcomers_away_at_once(worker: Worker) -> None:
    async with full_pool(worker, size=2) as pool:
        for _ in range(2):
            await pool.waiting()
        with await connect(pool.port) as third:
            assert await third.was_reset()
        line = await worker.closed()
        assert (line["reason"], line["rejected"]) == ("rejected", "queue_full")
        assert rejected(worker, RejectReason.QUEUE_FULL) == 1
        assert queued(worker) == 2


async def test_without_a_queue_a_client_is_reset_at_once_when_all_backends_are_full(worker: Worker) -> None:
    async with full_pool(worker, size=0) as pool:
        with await connect(pool.port) as second:
            assert await second.was_reset()
        line = await worker.closed()
        assert (line["reason"], line["rejected"]) == ("rejected", "backends_full")
        assert rejected(worker, RejectReason.BACKENDS_FULL) == 1


async def test_a_client_that_breaks_off_or_leaves_without_a_word_leaves_the_queue(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        broken, gone = await pool.waiting(), await pool.waiting()
        names = [f"127.0.0.1:{client.port}" for client in (broken, gone)]
        broken.reset()
        gone.close()
        await until(lambda: queued(worker) == 0)
        assert [(await worker.closed(client=name))["reason"] for name in names] == ["client_reset", "client_eof"]
        await pool.free_place()
        await until(lambda: worker.active == 0)
        assert not pool.backend.waiting


async def test_a_client_that_ends_before_it_has_said_anything_sees_a_reset_and_no_clean_end(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        client = await pool.waiting()
        client.end()
        assert await client.was_reset(), "no backend has answered it with nothing"
        assert (await worker.closed())["reason"] == "client_eof"


async def test_a_client_that_has_sent_all_it_has_to_say_is_served_in_full(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        client = await pool.waiting(data=b"all I want")
        client.end()
        await worker.sessions()
        assert queued(worker) == 1
        await pool.free_place()
        served = await pool.next_served()
        assert await served.read_all() == b"all I want"
        await served.send(b"here it is")
        served.end()
        assert await client.read_all() == b"here it is"


async def test_more_room_and_a_new_backend_end_the_waiting(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        with listening() as another:
            await pool.waiting(data=b"more room")
            worker.set_backends([pool.backend.backend(max_connections=2)])
            assert await (await pool.next_served()).read_exactly(9) == b"more room"
            await pool.waiting(data=b"another")
            worker.set_backends([another.backend()], first_slot=1)
            with await another.accept() as served:
                assert await served.read_exactly(7) == b"another"


async def test_when_the_last_backend_goes_down_who_waits_waits_on_and_newcomers_are_reset(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        await pool.waiting(data=b"patient")
        worker.set_backends([pool.backend.backend(max_connections=1)], eligible=False)
        await pool.free_place()
        with await connect(pool.port) as late:
            assert await late.was_reset()
        assert (await worker.closed(reason="no_backend"))["attempts"] == 0
        assert queued(worker) == 1
        worker.set_backends([pool.backend.backend(max_connections=1)])
        assert await (await pool.next_served()).read_exactly(7) == b"patient"


async def test_who_has_tried_a_backend_in_vain_waits_for_the_others_and_holds_nobody_up(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        dead = dead_backend()
        worker.set_backends([dead], first_slot=1)
        picky = await pool.waiting(data=b"not that one again")
        with socket.create_server(dead.address) as sock, await connect(pool.port) as late:
            await late.send(b"why not?")
            with await Listening(sock).accept() as served:
                assert await served.read_exactly(8) == b"why not?"
                assert queued(worker) == 1
                await pool.free_place()
                assert await (await pool.next_served()).read_exactly(18) == b"not that one again"
        name = f"127.0.0.1:{picky.port}"
        picky.reset()
        assert (await worker.closed(client=name))["attempts"] == 2


async def test_who_waits_again_after_a_dial_in_vain_has_waited_before(worker: Worker) -> None:
    async with full_pool(worker) as pool:
        client = await pool.waiting()
        await worker.sweeps()
        worker.set_backends([dead_backend()], first_slot=1)
        await until(worker.failure_reports)
        await until(lambda: queued(worker) == 1)
        await pool.free_place()
        await pool.next_served()
        name = f"127.0.0.1:{client.port}"
        client.reset()
        line = await worker.closed(client=name)
        assert line["attempts"] == 2
        assert line["queued_ms"] >= SWEEP_INTERVAL * 1000


@pytest.mark.parametrize("end", ["drain", "stop"])
async def test_a_drain_and_a_stop_end_the_waiting(worker: Worker, end: str) -> None:
    async with full_pool(worker) as pool:
        client = await pool.waiting()
        name = f"127.0.0.1:{client.port}"
        if end == "stop":
            assert await worker.stop() == 0
        else:
            worker.channel.send(Drain(30.0))
        assert await client.was_reset()
        line = await worker.closed(client=name)
        assert (line["reason"], line["attempts"]) == ("drain", 0)
        if end == "drain":
            assert worker.active == 1, "who is served may finish"
            await pool.free_place()
            assert await worker.exit_code() == 0


async def test_a_place_that_another_worker_frees_is_found_and_the_queue_is_one_for_both() -> None:
    board = Board.create(2)
    async with AsyncExitStack() as workers:
        first, second = [
            await workers.enter_async_context(running_worker(board=board, number=number)) for number in range(2)
        ]
        async with full_pool(first, size=1) as pool:
            second.add_pool(queue_size=1, queue_timeout=30.0)
            second.set_backends([pool.backend.backend(max_connections=1)])
            port = await second.add_listener()
            with await connect(port) as client:
                await client.send(b"hello")
                await until(lambda: second.own(POOLS, PoolCell.QUEUED) == 1)
                with await connect(pool.port) as one_too_many:
                    assert await one_too_many.was_reset()
                assert (await first.closed())["rejected"] == "queue_full"
                await pool.free_place()
                assert await (await pool.next_served()).read_exactly(5) == b"hello"
