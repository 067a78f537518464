"""Pools as a worker sees them: backends that come, change and go while sessions live, and limits that always hold."""

import asyncio
import os
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace

import pytest

from tests.support.peers import Listening, Peer, connect, dead_backend, echo, listening, serving
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.core.address import Address
from tidegate.core.balance.least_connections import MANY
from tidegate.core.pools.backend import Backend
from tidegate.dataplane.report.counters import Counters
from tidegate.dataplane.routing.routing_backend import RoutingBackend
from tidegate.link.board import BACKENDS, BackendCell, Board
from tidegate.link.messages import BackendEntry


def active(worker: Worker, slot: int) -> int:
    return worker.cell(BACKENDS, slot, BackendCell.ACTIVE)


def total(worker: Worker, slot: int) -> int:
    return worker.cell(BACKENDS, slot, BackendCell.TOTAL)


async def session(stack: ExitStack, port: int, backend: Listening) -> tuple[Peer, Peer]:
    """A session that must come out at this backend."""
    client = stack.enter_context(await connect(port))
    async with asyncio.timeout(10):
        return client, stack.enter_context(await backend.accept())


async def works(client: Peer, backend: Peer) -> bool:
    await client.send(b"ping")
    return await backend.read_exactly(4) == b"ping"


async def test_a_backend_that_joins_gets_its_share_of_new_connections_at_once(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        worker.add_pool()
        port = await worker.add_listener()
        worker.set_backends([first.backend()])
        await session(stack, port, first)
        worker.set_backends([second.backend()], first_slot=1)
        await worker.sessions()
        clients = [stack.enter_context(await connect(port)) for _ in range(10)]
        await until(lambda: active(worker, 0) + active(worker, 1) == 11)
        assert (active(worker, 0), active(worker, 1)) == (6, 5)
        assert len(clients) == 10


async def test_of_many_backends_the_next_connection_goes_where_one_has_just_ended(worker: Worker) -> None:
    def counts() -> list[int]:
        return [active(worker, slot) for slot in range(len(many))]

    async with serving(echo, "0.0.0.0") as every:
        addresses = [Address(f"127.0.1.{number}", every.address.port) for number in range(1, MANY + 7)]
        many = [Backend(str(address), *address) for address in addresses]
        worker.add_pool(balance="least_connections")
        worker.set_backends(many)
        port = await worker.add_listener()
        with ExitStack() as stack:
            clients = [stack.enter_context(await connect(port)) for _ in many]
            await until(lambda: counts() == [1] * len(many))
            for client in clients[::7]:
                client.end()
                await until(lambda: 0 in counts())
                stack.enter_context(await connect(port))
                await until(lambda: sum(counts()) == len(many))
                assert counts() == [1] * len(many)


async def test_a_backend_that_is_not_eligible_gets_no_new_connection_and_keeps_its_sessions(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        worker.add_pool()
        worker.set_backends([first.backend()])
        port = await worker.add_listener()
        old = await session(stack, port, first)
        worker.set_backends([second.backend()], first_slot=1)
        worker.set_backends([first.backend()], eligible=False)
        await worker.sessions()
        for _ in range(10):
            await session(stack, port, second)
        assert await works(*old)
        assert (active(worker, 0), active(worker, 1)) == (1, 10)
        worker.set_backends([first.backend()])
        worker.set_backends([second.backend()], eligible=False, first_slot=1)
        await worker.sessions()
        await session(stack, port, first)
        assert active(worker, 0) == 2
        await until(lambda: total(worker, 0) == 2)


async def test_a_removed_backend_gets_no_new_connection_and_its_sessions_are_counted_to_their_end(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        worker.add_pool()
        worker.set_backends([first.backend(), second.backend(backup=True)])
        port = await worker.add_listener()
        client, backend = await session(stack, port, first)
        worker.remove_backends([first.backend()])
        await worker.sessions()
        await session(stack, port, second)
        assert await works(client, backend)
        assert active(worker, 0) == 1
        worker.set_backends([first.backend()], first_slot=5)  # it comes back while its last session still lives
        await worker.sessions()
        await session(stack, port, first)
        assert (active(worker, 0), active(worker, 5)) == (1, 1)
        client.end()
        backend.end()
        await worker.closed(backend=str(first.address))
        assert (active(worker, 0), active(worker, 5)) == (0, 1)
        assert worker.cell(BACKENDS, 0, BackendCell.SENT_BYTES) == 4


async def test_a_backend_whose_address_changes_is_dialled_at_the_new_one(worker: Worker) -> None:
    with listening() as old_place, listening() as new_place, ExitStack() as stack:
        backend = replace(old_place.backend(), name="chat.internal:80")
        worker.add_pool()
        worker.set_backends([backend])
        port = await worker.add_listener()
        before = await session(stack, port, old_place)
        worker.set_backends([replace(backend, port=new_place.address.port)])
        await worker.sessions()
        await session(stack, port, new_place)
        assert await works(*before)
        assert active(worker, 0) == 2


async def test_weights_and_policies_can_change_while_a_pool_runs(worker: Worker) -> None:
    async with serving(echo) as first, serving(echo) as second:
        backends = [first.backend(), second.backend()]
        worker.add_pool()
        worker.set_backends(backends)
        port = await worker.add_listener()

        async def shares(clients: int) -> tuple[int, int]:
            before = total(worker, 0), total(worker, 1)
            with ExitStack() as stack:
                for _ in range(clients):
                    client = stack.enter_context(await connect(port))
                    await client.send(b"ping")
                    assert await client.read_exactly(4) == b"ping"
            await until(lambda: worker.active == 0)
            return total(worker, 0) - before[0], total(worker, 1) - before[1]

        assert await shares(8) == (4, 4)
        worker.set_backends([replace(backends[0], weight=3), backends[1]])
        await worker.sessions()
        assert await shares(8) == (6, 2)
        worker.add_pool(balance="source_hash")
        await worker.sessions()
        assert 8 in await shares(8)


async def test_a_bound_on_the_hash_spreads_the_connections_of_one_client_and_can_change_while_a_pool_runs(
    worker: Worker,
) -> None:
    async with serving(echo) as first, serving(echo) as second:
        worker.add_pool(balance="source_hash")
        worker.set_backends([first.backend(), second.backend()])
        port = await worker.add_listener()
        with ExitStack() as stack:
            assert len(await served(stack, *[port] * 10)) == 10
            assert sorted([active(worker, 0), active(worker, 1)]) == [0, 10]
            worker.add_pool(balance="source_hash", bounded_load=1.25)
            await worker.sessions()
            assert len(await served(stack, *[port] * 30)) == 30
            assert sorted([active(worker, 0), active(worker, 1)]) == [15, 25]


async def test_a_mask_on_the_hash_sends_all_clients_of_a_network_to_one_backend(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        worker.add_pool(balance="source_hash", ipv4_prefix=24)
        worker.set_backends([first.backend(), second.backend()])
        port = await worker.add_listener()
        for number in range(2, 32):
            stack.enter_context(await connect(port, source=f"127.0.0.{number}"))
        await until(lambda: active(worker, 0) + active(worker, 1) == 30)
        assert 30 in (active(worker, 0), active(worker, 1))


async def test_a_backend_that_gets_another_tier_or_limit_keeps_its_sessions_and_is_picked_accordingly(
    worker: Worker,
) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        worker.add_pool(balance="random_two")
        worker.set_backends([first.backend()])
        port = await worker.add_listener()
        old = await session(stack, port, first)
        worker.set_backends([first.backend(backup=True), second.backend()])
        await worker.sessions()
        for _ in range(5):
            await session(stack, port, second)
        worker.set_backends([first.backend(backup=True), second.backend(max_connections=6)])
        await worker.sessions()
        await session(stack, port, second)
        await session(stack, port, first)
        assert await works(*old)
        assert (active(worker, 0), active(worker, 1)) == (2, 6)


async def test_backups_serve_only_while_no_other_backend_is_eligible(worker: Worker) -> None:
    with listening() as primary, listening() as backup, ExitStack() as stack:
        backends = [primary.backend(), backup.backend(backup=True)]
        worker.add_pool()
        worker.set_backends(backends)
        port = await worker.add_listener()
        await session(stack, port, primary)
        worker.set_backends(backends[:1], eligible=False)
        await worker.sessions()
        await session(stack, port, backup)
        worker.set_backends(backends[:1])
        await worker.sessions()
        await session(stack, port, primary)
        assert (active(worker, 0), active(worker, 1)) == (2, 1)


async def test_with_first_a_backend_is_filled_before_the_next_whatever_their_names_and_the_order_of_joining(
    worker: Worker,
) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        worker.add_pool(balance="first")
        worker.set_backends([replace(second.backend(), name="a:1", order=1)])
        worker.set_backends([replace(first.backend(max_connections=2), name="b:1", order=0)], first_slot=1)
        port = await worker.add_listener()
        for backend in (first, first, second, second):
            await session(stack, port, backend)
        assert (active(worker, 1), active(worker, 0)) == (2, 2)


@pytest.mark.parametrize("met_before", [True, False])
async def test_with_least_latency_a_failed_dial_counts_as_a_slow_one(worker: Worker, met_before: bool) -> None:  # noqa: FBT001
    with listening() as alive, listening() as dies, ExitStack() as stack:
        worker.add_pool(balance="least_latency", connect_timeout=30.0)
        worker.set_backends([dies.backend(), alive.backend()])
        port = await worker.add_listener()
        before = 0
        if met_before:
            for backend in (dies, alive):
                for peer in await session(stack, port, backend):
                    peer.close()
            await until(lambda: len(worker.events("session_closed")) == 2)
            before = 2
        dies.sock.close()
        for _ in range(8):
            for peer in await session(stack, port, alive):
                peer.close()
        await until(lambda: len(worker.events("session_closed")) == before + 8)
        attempts = [line["attempts"] for line in worker.events("session_closed")]
        assert attempts.count(1) >= before + 7


async def served(stack: ExitStack, *ports: int) -> list[Peer]:
    """Connect to all these ports at once; those clients that got a backend."""
    clients = [stack.enter_context(client) for client in await asyncio.gather(*(connect(port) for port in ports))]

    async def answered(client: Peer) -> bool:
        try:
            await client.send(b"ping")
            return await client.read_exactly(4) == b"ping"
        except (OSError, EOFError):
            return False

    answers = await asyncio.gather(*map(answered, clients))
    return [client for client, answer in zip(clients, answers, strict=True) if answer]


async def test_a_burst_of_clients_never_exceeds_the_limit_of_a_backend(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend(max_connections=10)])
        port = await worker.add_listener()
        with ExitStack() as stack:
            lucky = await served(stack, *[port] * 200)
            assert len(lucky) == active(worker, 0) == 10
            lucky.pop().close()
            await until(lambda: active(worker, 0) == 9)
            assert len(await served(stack, *[port] * 20)) == 1
        assert len(await until(lambda: worker.events("session_closed", reason="rejected", rejected="backends_full"))) > 0


async def test_a_dial_that_fails_gives_its_place_back(worker: Worker) -> None:
    dead = replace(dead_backend(), max_connections=1)
    worker.add_pool()
    worker.set_backends([dead])
    port = await worker.add_listener()
    for _ in range(3):
        with await connect(port) as client:
            assert await client.was_reset()
    closed = await until(lambda: worker.events("session_closed")[2:] and worker.events("session_closed"))
    assert [line["reason"] for line in closed] == ["connect_failed"] * 3


def test_two_workers_that_pick_the_same_backend_at_once_reserve_exactly_as_many_places_as_it_has() -> None:
    board = Board.create(2)
    entry = BackendEntry.of(replace(dead_backend(), max_connections=5), 0, eligible=True)
    one, other = (RoutingBackend(Counters(board, worker), entry) for worker in range(2))
    assert [backend.reserve() for backend in [one, other] * 4] == [True] * 5 + [False] * 3
    assert board.sum(BACKENDS, 0, BackendCell.ACTIVE) == 5
    one.release()
    assert [backend.reserve() for backend in (other, one)] == [True, False]
    os.close(board.descriptor)


async def test_with_round_robin_half_of_the_sessions_meet_the_dead_one_of_two_backends(worker: Worker) -> None:
    with listening() as alive, ExitStack() as stack:
        worker.add_pool(balance="round_robin")
        worker.set_backends([dead_backend(), alive.backend()])
        port = await worker.add_listener()
        for _ in range(8):
            client, backend = await session(stack, port, alive)
            client.close()
            backend.close()
        closed = await until(lambda: worker.events("session_closed")[7:] and worker.events("session_closed"))
        by_start = sorted(closed, key=lambda line: int(line["session"].rpartition("-")[2]))
        assert [line["attempts"] for line in by_start] == [2, 1] * 4


async def test_two_workers_together_never_exceed_the_limit_of_a_backend() -> None:
    board = Board.create(2)
    async with AsyncExitStack() as workers, serving(echo) as backend:
        both = [await workers.enter_async_context(running_worker(board=board, number=number)) for number in range(2)]
        ports = []
        for worker in both:
            worker.add_pool()
            worker.set_backends([backend.backend(max_connections=10)])
            ports.append(await worker.add_listener())
        with ExitStack() as stack:
            for _ in range(5):
                lucky = await served(stack, *ports * 50)
                assert 1 <= len(lucky) <= 10
                while len(lucky) < 10:  # both may have stepped back from the last place
                    one_more = await served(stack, ports[len(lucky) % 2])
                    assert one_more
                    lucky += one_more
                assert await served(stack, *ports) == []
                assert board.sum(BACKENDS, 0, BackendCell.ACTIVE) == 10
                for client in lucky:
                    client.close()
                await until(lambda: board.sum(BACKENDS, 0, BackendCell.ACTIVE) == 0)


async def test_live_sessions_are_listed_by_pool_and_backend(worker: Worker) -> None:
    with listening() as first, listening() as second, ExitStack() as stack:
        ports = []
        for number, (name, backend) in enumerate([("chat", first), ("redis", second)]):
            worker.add_pool(name, number)
            worker.set_backends([backend.backend()], name, first_slot=number)
            ports.append(await worker.add_listener(f"{name}-in", number, name))
        client, backend_end = await session(stack, ports[0], first)
        await session(stack, ports[1], second)
        await session(stack, ports[1], second)
        assert await works(client, backend_end)
        answer = await worker.sessions(pool="chat")
        assert (answer.total, len(answer.sessions)) == (3, 1)
        entry = answer.sessions[0]
        assert (entry.client, entry.listener, entry.pool) == (f"127.0.0.1:{client.port}", "chat-in", "chat")
        assert (entry.backend, entry.sent_bytes, entry.received_bytes) == (str(first.address), 4, 0)
        assert entry.age_seconds >= entry.idle_seconds >= 0
        assert len((await worker.sessions(backend=str(second.address))).sessions) == 2
        assert len((await worker.sessions()).sessions) == 3
