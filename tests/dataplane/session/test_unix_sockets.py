"""Clients and backends at Unix sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from select import EPOLLEXCLUSIVE, EPOLLIN
from typing import Any

import pytest

from tests.support.first_bytes import header_from
from tests.support.options import CONNECTION
from tests.support.peers import Peer, checksum, connect, echo, listening, payload, serving
from tests.support.unix_peers import connect_unix, listening_unix
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.core.pools.backend import Backend
from tidegate.core.reasons import ConnectFailure, RejectReason
from tidegate.core.splice import Splice
from tidegate.link.board import BACKENDS, FAILURE_CELL, LISTENERS, REJECTED_CELL

MEBIBYTE = 1024 * 1024
HEADER = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n"


@pytest.fixture
def front(tmp_path: Path) -> Path:
    return tmp_path / "tidegate.sock"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return tmp_path / "app.sock"


@pytest.fixture(params=list(Splice))
async def mover(request: pytest.FixtureRequest) -> AsyncIterator[Worker]:
    async with running_worker(splice=request.param) as worker:
        yield worker


def at(path: Path, **options: Any) -> Backend:
    return Backend(f"unix:{path}", f"unix:{path}", 0, **options)


def has_sessions(worker: Worker, count: int) -> bool:
    return worker.active == count


async def pump(sender: Peer, receiver: Peer, data: bytes) -> bytes:
    """What arrives of this data, up to the end that follows it."""

    async def send() -> None:
        await sender.send(data)
        sender.end()

    _, received = await asyncio.gather(send(), receiver.read_all())
    return received


@pytest.mark.parametrize("client_is", ["unix", "tcp"])
async def test_every_byte_passes_both_ways_with_half_closes_in_between(
    mover: Worker, front: Path, app: Path, client_is: str
) -> None:
    with listening_unix(app) as backend:
        mover.add_pool()
        mover.set_backends([backend.backend()])
        if client_is == "unix":
            await mover.add_unix_listener(front)
            client = await connect_unix(front)
        else:
            client = await connect(await mover.add_listener())
        with client, await backend.accept() as peer:
            there, back = payload(9 * MEBIBYTE, 1), payload(5 * MEBIBYTE + 7, 2)
            assert checksum(await pump(client, peer, there)) == checksum(there)
            assert checksum(await pump(peer, client, back)) == checksum(back)
        line = await mover.closed()
        assert (line["reason"], line["sent_bytes"], line["received_bytes"]) == ("client_eof", len(there), len(back))
        assert line["backend"] == f"unix:{app}"
        assert line["client"] == ("unix:" if client_is == "unix" else line["client"])


async def test_a_client_at_a_unix_socket_reaches_a_backend_of_tcp(worker: Worker, front: Path) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        await worker.add_unix_listener(front)
        with await connect_unix(front) as client:
            await client.send(b"hello")
            assert await client.read_exactly(5) == b"hello"
            (entry,) = (await worker.sessions()).sessions
            assert entry.client == "unix:"


async def test_what_a_backend_said_before_it_closed_arrives_though_the_client_goes_on(worker: Worker, app: Path) -> None:
    """A Unix socket refuses bytes for a peer that has closed as soon as it has, where TCP asks first."""
    with listening_unix(app) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        with await connect(await worker.add_listener()) as client, await backend.accept() as peer:
            words = payload(100_000)
            await peer.send(words)
            peer.close()
            await client.send(b"more")
            assert checksum(await client.read_exactly(len(words))) == checksum(words)
            client.close()
        await worker.closed()


async def test_a_backend_that_leaves_bytes_unread_breaks_the_session_off(worker: Worker, app: Path) -> None:
    with listening_unix(app) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        with await connect(await worker.add_listener()) as client, await backend.accept() as peer:
            await client.send(b"unheard")
            assert await peer.read_exactly(1) == b"u"
            peer.close()
            assert await client.was_reset()
        assert (await worker.closed())["reason"] == "backend_reset"


async def test_a_client_waits_while_the_queue_of_a_backend_is_full(worker: Worker, app: Path) -> None:
    with listening_unix(app, backlog=0) as backend:
        worker.add_pool(connect_timeout=20.0)
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        clients = [await connect(port) for _ in range(5)]
        await until(lambda: worker.active == 5)
        for _ in clients:
            with await backend.accept() as peer:
                await peer.send(b"welcome")
        for client in clients:
            with client:
                assert await client.read_all() == b"welcome"
        await until(lambda: len(worker.events("session_closed", attempts=1)) == 5)


async def test_clients_that_wait_for_a_full_queue_get_their_places_in_the_order_in_which_they_came(
    worker: Worker, front: Path, app: Path
) -> None:
    with listening_unix(app, backlog=0) as backend, await connect_unix(app), ExitStack() as stack:
        worker.add_pool(connect_timeout=60.0)
        worker.set_backends([backend.backend()])
        await worker.add_unix_listener(front)
        for number in range(10):
            client = stack.enter_context(await connect_unix(front))
            await client.send(bytes([number]))
            await until(partial(has_sessions, worker, number + 1))
        (await backend.accept()).close()  # makes room for the first of them, and for one more whenever one is accepted
        for number in range(10):
            with await backend.accept() as peer:
                assert await peer.read_exactly(1) == bytes([number])


async def test_a_backend_whose_queue_stays_full_has_a_dial_of_the_usual_time_and_the_next_one_is_tried(
    worker: Worker, app: Path
) -> None:
    with listening_unix(app, backlog=0) as full, listening() as other, await connect_unix(app):
        worker.add_pool(connect_timeout=0.3)
        worker.set_backends([full.backend(), other.backend(backup=True)])
        with await connect(await worker.add_listener()) as client, await other.accept():
            client.close()
        await worker.closed()
        assert worker.cell(BACKENDS, 0, FAILURE_CELL[ConnectFailure.TIMEOUT]) == 1


async def test_a_session_that_has_ended_while_it_waited_dials_nothing_when_there_is_room_again(
    worker: Worker, app: Path
) -> None:
    with listening_unix(app, backlog=0) as full, await connect_unix(app):
        worker.add_pool(connect_timeout=0.2, connect_attempts=1)
        worker.set_backends([full.backend()])
        with await connect(await worker.add_listener()):
            assert (await worker.closed())["reason"] == "connect_failed"
            (await full.accept()).close()
            await worker.sweeps()  # longer than the rarest retry
        assert not full.waiting
        assert worker.events("internal_error") == []


async def test_a_backend_that_closes_while_a_client_waits_for_its_queue_is_failed_over(worker: Worker, app: Path) -> None:
    async with serving(echo) as other:
        with listening_unix(app, backlog=0) as full:
            filler = await connect_unix(app)
            worker.add_pool(connect_timeout=60.0)
            worker.set_backends([full.backend(), other.backend(backup=True)])
            client = await connect(await worker.add_listener())
            await until(lambda: worker.active == 1)
        with client, filler:
            await client.send(b"x")
            assert await client.read_exactly(1) == b"x"
        assert worker.cell(BACKENDS, 0, FAILURE_CELL[ConnectFailure.REFUSED]) == 1


@pytest.mark.parametrize("how", ["not eligible", "removed"])
async def test_a_backend_that_is_not_to_be_used_any_more_gets_no_client_that_waits_for_its_queue(
    worker: Worker, app: Path, how: str
) -> None:
    async with serving(echo) as other:
        with listening_unix(app, backlog=0) as full, await connect_unix(app):
            worker.add_pool(connect_timeout=60.0)
            worker.set_backends([full.backend(), other.backend(backup=True)])
            with await connect(await worker.add_listener()) as client:
                await until(lambda: worker.active == 1)
                if how == "removed":
                    worker.remove_backends([full.backend()])
                else:
                    worker.set_backends([full.backend()], eligible=False)
                await client.send(b"x")
                assert await client.read_exactly(1) == b"x"
                (await full.accept()).close()
                assert not full.waiting


async def test_a_backend_without_a_socket_refuses_and_the_next_one_is_tried(worker: Worker, app: Path) -> None:
    async with serving(echo) as other:
        worker.add_pool()
        worker.set_backends([at(app), other.backend(backup=True)])
        with await connect(await worker.add_listener()) as client:
            await client.send(b"x")
            assert await client.read_exactly(1) == b"x"
        assert worker.cell(BACKENDS, 0, FAILURE_CELL[ConnectFailure.REFUSED]) == 1


async def test_access_lists_name_clients_at_unix_sockets_by_a_word(worker: Worker, front: Path, tmp_path: Path) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        await worker.add_unix_listener(front, allow=["10.0.0.0/8"])
        with await connect_unix(front) as client:
            assert await client.read() == b""
        assert worker.cell(LISTENERS, 0, REJECTED_CELL[RejectReason.DENIED]) == 1
        await worker.add_unix_listener(tmp_path / "second.sock", "second", 1, allow=["10.0.0.0/8", "unix:"])
        with await connect_unix(tmp_path / "second.sock") as client:
            await client.send(b"x")
            assert await client.read_exactly(1) == b"x"


async def test_all_clients_at_a_unix_socket_are_one_client_to_a_limit(worker: Worker, front: Path) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        await worker.add_unix_listener(front, max_connections_per_client=1)
        with await connect_unix(front) as first, await connect_unix(front) as second:
            await first.send(b"x")
            assert await first.read_exactly(1) == b"x"
            assert await second.read() == b""
        assert worker.cell(LISTENERS, 0, REJECTED_CELL[RejectReason.MAX_CONNECTIONS_PER_CLIENT]) == 1


async def test_a_proxy_at_a_unix_socket_tells_the_clients_address(worker: Worker, front: Path) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        await worker.add_unix_listener(front, proxies=["unix:"])
        with await connect_unix(front) as client:
            await client.send(HEADER + b"x")
            assert await client.read_exactly(1) == b"x"
        line = await worker.closed()
        assert (line["client"], line["peer"]) == ("192.0.2.7:40000", "unix:")


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_backend_is_told_that_a_client_has_no_address(worker: Worker, front: Path, app: Path, version: str) -> None:
    with listening_unix(app) as backend:
        worker.add_pool(send_proxy_protocol=version)
        worker.set_backends([backend.backend()])
        await worker.add_unix_listener(front)
        with await connect_unix(front) as client, await backend.accept() as peer:
            assert (await header_from(peer)).endpoints is None
            await client.send(b"x")
            assert await peer.read_exactly(1) == b"x"


async def test_a_backend_at_a_unix_socket_is_told_the_address_of_a_client_of_tcp(worker: Worker, app: Path) -> None:
    with listening_unix(app) as backend:
        worker.add_pool(send_proxy_protocol="v2")
        worker.set_backends([backend.backend()])
        with await connect(await worker.add_listener()) as client, await backend.accept() as peer:
            endpoints = (await header_from(peer)).endpoints
            assert endpoints is not None
            assert endpoints[0] == ("127.0.0.1", client.port)


async def test_a_client_at_a_unix_socket_wakes_one_worker_of_those_that_listen_there(worker: Worker, front: Path) -> None:
    worker.add_pool()
    await worker.add_unix_listener(front)
    await worker.add_listener("tcp", 1)
    exclusive = [bool(events & EPOLLEXCLUSIVE) for events in watched(worker.process.pid) if events & EPOLLIN]
    assert exclusive.count(True) == 1


def watched(pid: int) -> list[int]:
    """The events that a process waits for, of each descriptor (proc_pid_fdinfo(5))."""
    found = []
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        lines = [line.split() for line in info.read_text().splitlines()]
        found += [int(line[line.index("events:") + 1], 16) for line in lines if line[0] == "tfd:"]
    return found


async def test_options_of_tcp_are_left_out_at_unix_sockets(worker: Worker, app: Path) -> None:
    with listening_unix(app) as backend:
        worker.add_pool(connection=replace(CONNECTION, send_buffer=65536, notsent_lowat=16384))
        worker.set_backends([backend.backend()])
        with await connect(await worker.add_listener()) as client, await backend.accept() as peer:
            await worker.sweeps()  # the second time it sets those of a session that lasts
            await client.send(b"x")
            assert await peer.read_exactly(1) == b"x"
        assert worker.events("internal_error") == []


async def test_urgent_data_at_unix_sockets_stays_in_its_place(worker: Worker, front: Path, app: Path) -> None:
    with listening_unix(app) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        await worker.add_unix_listener(front)
        with await connect_unix(front) as client, await backend.accept() as peer:
            client.sock.send(b"before")
            client.sock.send(b"!", socket.MSG_OOB)
            client.sock.send(b"after")
            client.end()
            assert await peer.read_all() == b"before!after"
