"""Clients that workers pass on to each other, between one worker and the other ends of its inboxes."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from time import monotonic

from tests.support.peers import Peer, connect, echo, serving
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.control.workers.inboxes import make_inboxes
from tidegate.link.board import LISTENERS, WORKER, Board, ListenerCell, WorkerCell
from tidegate.link.messages import Drain, ListenerShared
from tidegate.link.sockets import RESET_ON_CLOSE

ROW = b"127.0.0.1 default"


@contextmanager
def inboxes() -> Iterator[list[socket.socket]]:
    """Those of two workers, closed at the end."""
    with ExitStack() as stack:
        yield [stack.enter_context(sock) for sock in make_inboxes(2)]


@asynccontextmanager
async def first_of_two(sockets: list[socket.socket]) -> AsyncIterator[tuple[Worker, int]]:
    """Worker 0 with an echoing backend, and its port. Nothing is worker 1 but what the test says of it."""
    async with running_worker(board=Board.create(2), inboxes=sockets) as worker, serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        with socket.create_server(("127.0.0.1", 0)) as other:
            worker.channel.send(ListenerShared("default", 1), [other.fileno()])
            await worker.sessions()
        yield worker, port


@contextmanager
def accepted_client() -> Iterator[tuple[Peer, socket.socket]]:
    """A client, and its connection as a worker has accepted it."""
    with socket.create_server(("127.0.0.1", 0)) as server, Peer(socket.create_connection(server.getsockname())) as client:
        accepted, _ = server.accept()
        accepted.setblocking(False)
        with accepted:
            yield client, accepted


def put(inbox: socket.socket, client: Peer, accepted: socket.socket) -> None:
    """Pass a client on, as a worker does."""
    socket.send_fds(inbox, [f"{client.port} ".encode() + ROW], [accepted.fileno()])


async def answers(client: Peer) -> bool:
    """Whether the echoing backend is at the other end."""
    await client.send(b"ping")
    return await client.read_exactly(4) == b"ping"


@contextmanager
def accepting(worker: Worker, number: int) -> Iterator[None]:
    """The board says that a worker accepts at its listener, for an hour from now."""
    row = worker.board.base(number)
    worker.board.cells[row + WORKER.cell(0, WorkerCell.SWEPT_AT_MILLISECONDS)] = int((monotonic() + 3600) * 1000)
    worker.board.cells[row + WORKER.cell(0, WorkerCell.ACCEPTING)] = 1
    worker.board.cells[row + LISTENERS.cell(0, ListenerCell.OPEN)] = 1
    yield
    worker.board.clear(number, WORKER)
    worker.board.clear(number, LISTENERS)


def ports_in(inbox: socket.socket) -> Iterator[int]:
    """The ports of the clients in an inbox, which is empty afterwards."""
    with suppress(BlockingIOError):
        while True:
            message, (descriptor,), _, _ = socket.recv_fds(inbox, 100, 1)
            os.close(descriptor)
            yield int(message.split()[0])


async def test_a_client_that_another_worker_passes_on_is_served_and_logged_with_its_own_address() -> None:
    with inboxes() as sockets, accepted_client() as (client, accepted):
        async with first_of_two(sockets) as (worker, _):
            put(sockets[1], client, accepted)
            accepted.close()
            assert await answers(client)
            assert worker.active == 1
            client.sock.shutdown(socket.SHUT_WR)
            assert (await worker.closed())["client"] == f"127.0.0.1:{client.port}"


async def test_clients_in_the_inbox_of_a_worker_when_its_drain_begins_are_served() -> None:
    with inboxes() as sockets, accepted_client() as (client, accepted):
        async with first_of_two(sockets) as (worker, _):
            put(sockets[1], client, accepted)
            accepted.close()
            worker.channel.send(Drain(30.0))
            assert await answers(client)
            client.sock.close()
            assert await worker.exit_code() == 0


async def test_the_inbox_of_a_worker_that_does_not_accept_is_emptied_by_another_one_until_it_does() -> None:
    with inboxes() as sockets, accepted_client() as (client, accepted), accepted_client() as (late, late_accepted):
        async with first_of_two(sockets) as (worker, _):
            put(sockets[3], client, accepted)
            assert await answers(client)
            with accepting(worker, 1):
                await worker.sweeps()
                put(sockets[3], late, late_accepted)
                await worker.sweeps()
                assert worker.active == 1
            assert await answers(late)


async def test_a_client_for_which_a_worker_has_no_descriptor_stays_in_the_inbox_until_it_has() -> None:
    with inboxes() as sockets, accepted_client() as (client, accepted):
        async with first_of_two(sockets) as (worker, _):
            used = worker.descriptors
            worker.limit_descriptors(min(set(range(max(used) + 2)) - used))
            put(sockets[1], client, accepted)
            accepted.close()
            assert (await worker.event("accept_paused"))["reason"] == "Too many open files"
            worker.limit_descriptors(10_000)
            assert await answers(client)


async def test_a_worker_with_clearly_more_connections_passes_new_ones_on_to_one_that_accepts() -> None:
    with inboxes() as sockets, ExitStack() as stack:
        async with first_of_two(sockets) as (worker, port):
            clients = [stack.enter_context(await connect(port)) for _ in range(5)]
            assert all(await asyncio.gather(*map(answers, clients))), "the other does not accept yet"
            with accepting(worker, 1):
                await worker.sweeps()
                sockets[2].setblocking(True)
                passed_on = stack.enter_context(await connect(port))
                message, (descriptor,), _, _ = await asyncio.to_thread(socket.recv_fds, sockets[2], 100, 1)
                assert message == f"{passed_on.port} ".encode() + ROW
                assert worker.active == 5
                with socket.socket(fileno=descriptor) as theirs:
                    assert theirs.getpeername() == passed_on.sock.getsockname()


async def test_a_worker_that_has_not_got_the_listener_yet_is_passed_no_client() -> None:
    with inboxes() as sockets, ExitStack() as stack:
        async with first_of_two(sockets) as (worker, port):
            with accepting(worker, 1):
                worker.board.clear(1, LISTENERS)
                await worker.sweeps()
                clients = [stack.enter_context(await connect(port)) for _ in range(10)]
                assert all(await asyncio.gather(*map(answers, clients)))
                assert worker.active == len(clients)


async def test_a_client_that_was_passed_on_to_the_process_before_waits_for_its_listener() -> None:
    with inboxes() as sockets, accepted_client() as (client, accepted):
        put(sockets[1], client, accepted)
        accepted.close()
        async with first_of_two(sockets) as (worker, _):
            assert await answers(client)
            assert worker.active == 1


async def test_a_worker_serves_those_clients_itself_for_which_the_inbox_of_the_other_has_no_room() -> None:
    most = 40
    with inboxes() as sockets, ExitStack() as stack:
        async with first_of_two(sockets) as (worker, port):
            with accepting(worker, 1):
                await worker.sweeps()
                clients = {client.port: client for client in [stack.enter_context(await connect(port)) for _ in range(most)]}
                await until(lambda: worker.active > most / 2)
                passed_on = set[int]()

                def all_are_somewhere() -> bool:
                    passed_on.update(ports_in(sockets[2]))
                    return worker.active + len(passed_on) == most

                await until(all_are_somewhere)
                served = [client for port, client in clients.items() if port not in passed_on]
                assert all(await asyncio.gather(*map(answers, served)))
                assert passed_on


async def test_a_client_that_comes_with_words_that_nobody_understands_is_reset() -> None:
    with inboxes() as sockets, accepted_client() as (client, accepted):
        async with first_of_two(sockets) as (worker, _):
            before = worker.descriptors
            accepted.setsockopt(*RESET_ON_CLOSE)
            socket.send_fds(sockets[1], [b"no port"], [accepted.fileno()])
            accepted.close()
            assert await client.was_reset()
            await until(lambda: worker.descriptors == before)  # it may still read the sources for its traceback
            worker.expected_bugs = 1
