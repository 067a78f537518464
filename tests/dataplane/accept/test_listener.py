"""Listeners: bursts, running out of descriptors, and listeners that come and go while sessions live."""

import asyncio
import signal
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from time import monotonic
from typing import Any

import pytest

from tests.dataplane.processor import QUIET, processor_time_of_a_second
from tests.dataplane.route import route
from tests.support.options import LISTENER
from tests.support.peers import Peer, connect, echo, serving
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.core.reasons import RejectReason
from tidegate.link.board import LISTENERS, REJECTED_CELL, Board, ListenerCell
from tidegate.link.messages import ListenerAdded, ListenerShared, SocketsLost


def listener(worker: Worker, field: ListenerCell) -> int:
    return worker.cell(LISTENERS, 0, field)


async def answers(peer: Peer, message: bytes = b"ping") -> bool:
    """Whether an echoing backend is at the other end."""
    await peer.send(message)
    return await peer.read_exactly(len(message)) == message


async def test_a_thousand_clients_at_once_are_all_served(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        with ExitStack() as stack:
            clients = await asyncio.gather(*(connect(port) for _ in range(1000)))
            for client in clients:
                stack.enter_context(client)
            messages = [f"client {number:03}".encode() for number in range(1000)]
            assert all(
                await asyncio.gather(*(answers(client, message) for client, message in zip(clients, messages, strict=True)))
            )
            assert listener(worker, ListenerCell.ACTIVE) == 1000
        await until(lambda: worker.active == 0)
        assert listener(worker, ListenerCell.TOTAL) == 1000


async def test_at_its_limit_of_sessions_a_worker_pauses_serves_who_it_has_and_later_who_waits() -> None:
    async with running_worker(descriptors=168) as worker, serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        with ExitStack() as stack:
            served = [stack.enter_context(await connect(port)) for _ in range(20)]
            paused = await worker.event("accept_paused")
            assert (paused["level"], paused["sessions"]) == ("warning", 20)
            assert listener(worker, ListenerCell.ACCEPT_PAUSES) == 1
            waiting = [stack.enter_context(await connect(port)) for _ in range(5)]
            assert all([await answers(client) for client in served])
            assert worker.active == 20
            for client in served:
                client.close()
            assert all([await answers(client) for client in waiting])
            assert (await worker.event("accept_resumed"))["level"] == "info"
        assert len(worker.events("accept_paused")) == len(worker.events("accept_resumed")) == 1


async def test_out_of_descriptors_accepting_pauses_with_the_systems_words_until_there_are_some_again(worker: Worker) -> None:
    async with route(worker) as way:
        client, backend = await way.session()
        used = worker.descriptors
        worker.limit_descriptors(min(set(range(max(used) + 2)) - used))
        waiting = await way.client()
        paused = await worker.event("accept_paused")
        assert (paused["reason"], paused["sessions"]) == ("Too many open files", 1)
        assert listener(worker, ListenerCell.ACCEPT_PAUSES) >= 1
        await client.send(b"still here")
        assert await backend.read_exactly(10) == b"still here"
        worker.limit_descriptors(10_000)
        with await way.backend.accept() as late:
            await waiting.send(b"at last")
            assert await late.read_exactly(7) == b"at last"
        await worker.event("accept_resumed")


async def test_out_of_descriptors_in_a_dial_the_client_is_reset_and_no_backend_is_blamed(worker: Worker) -> None:
    async with route(worker) as way:
        await way.session()
        used = worker.descriptors
        free = sorted(set(range(max(used) + 3)) - used)
        worker.limit_descriptors(free[1])  # enough for the client, not for its backend
        with await connect(way.port) as client:
            assert await client.was_reset()
        closed = await worker.closed(reason="error")
        assert (closed["backend"], closed["attempts"]) == (str(way.backend.address), 1)
        worker.limit_descriptors(10_000)
        await way.session()


async def test_sockets_for_which_there_are_no_descriptors_are_asked_for_again_and_cost_no_session(worker: Worker) -> None:
    async with route(worker) as way:
        client, backend = await way.session()
        used = worker.descriptors
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
            two = ListenerAdded("two", 1, "default", ["127.0.0.1:1", "127.0.0.1:2"], LISTENER)
            worker.limit_descriptors(sorted(set(range(max(used) + 3)) - used)[1])  # enough for one of them
            worker.channel.send(two, [one.fileno(), other.fileno()])
            worker.channel.send(ListenerShared("two", 5), [one.fileno()])
            await until(lambda: SocketsLost("two", 0) in worker.messages)
            await worker.sessions()
            assert worker.descriptors == used
            await client.send(b"still here")
            assert await backend.read_exactly(10) == b"still here"
            worker.limit_descriptors(10_000)
            await way.session_through(await worker.add_listener("next", 2))
            worker.channel.send(two, [one.fileno(), other.fileno()])
            for sock in (one, other):
                await way.session_through(sock.getsockname()[1])


async def test_sockets_of_another_worker_that_come_twice_are_kept_once() -> None:
    """A worker that had no descriptors for its own sockets and for those of the other is sent the latter twice."""
    async with running_worker(board=Board.create(2)) as worker, serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        await worker.add_listener()
        with socket.create_server(("127.0.0.1", 0)) as other:
            worker.channel.send(ListenerShared("default", 1), [other.fileno()])
            with await connect(other.getsockname()[1]) as client:
                assert await answers(client)  # as the other worker does not accept
            await until(lambda: worker.active == 0)
            kept = worker.descriptors
            worker.channel.send(ListenerShared("default", 1), [other.fileno()])
            await worker.sessions()
            assert worker.descriptors == kept


async def test_workers_that_begin_together_leave_each_other_the_clients_that_wait() -> None:
    waiting = 200
    async with AsyncExitStack() as workers, serving(echo) as backend:
        board = Board.create(2)
        both = [await workers.enter_async_context(running_worker(board=board, number=number)) for number in range(2)]
        for worker in both:
            worker.add_pool()
            worker.set_backends([backend.backend()])
            await worker.sessions()
        with ExitStack() as stack:
            own = [stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=waiting)) for _ in both]
            clients = [stack.enter_context(await connect(own[1].getsockname()[1])) for _ in range(waiting)]
            for number, worker in enumerate(both):
                worker.channel.send(
                    ListenerAdded("default", 0, "default", ["127.0.0.1:1"], LISTENER), [own[number].fileno()]
                )
                worker.channel.send(ListenerShared("default", 1 - number), [own[1 - number].fileno()])
                await worker.sessions()  # the next one is a little later
            assert all(await asyncio.gather(*map(answers, clients)))
            assert [worker.active for worker in both] == [0, waiting]


async def test_sessions_outlive_their_listener_and_new_clients_are_refused(worker: Worker) -> None:
    async with route(worker) as way:
        client, backend = await way.session()
        await worker.remove_listener()
        with pytest.raises(ConnectionRefusedError):
            await connect(way.port)
        await client.send(b"ping")
        assert await backend.read_exactly(4) == b"ping"
        assert worker.active == 1
        client.end()
        backend.end()
        assert (await worker.closed())["reason"] in {"client_eof", "backend_eof"}


async def test_everyone_the_kernel_has_let_in_before_a_listener_closes_is_served(worker: Worker) -> None:
    async with route(worker) as way:
        worker.process.send_signal(signal.SIGSTOP)
        removal = asyncio.create_task(worker.remove_listener())
        await asyncio.sleep(0)  # the order is given, so that the worker sees it first
        clients = [await way.client() for _ in range(300)]
        worker.process.send_signal(signal.SIGCONT)
        await removal
        for _ in clients:
            with await way.backend.accept():
                pass
        assert listener(worker, ListenerCell.TOTAL) == 300


async def test_a_removed_listener_that_control_still_holds_open_costs_no_processor_time(worker: Worker) -> None:
    async with route(worker) as way:
        await way.session()
        await worker.remove_listener(keep=True)
        await way.client()  # let in by the kernel, for a worker to come
        assert await processor_time_of_a_second(worker) < QUIET
        assert listener(worker, ListenerCell.TOTAL) == 1
        await way.session_through(await worker.add_listener("second", 1))
        worker.forget_listener()


async def test_listeners_and_pools_that_come_and_go_leave_no_descriptor_behind(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool("lasting", 0)
        worker.set_backends([backend.backend()], "lasting")
        await worker.add_listener("lasting", 0, "lasting")
        before = worker.descriptors
        for number in range(40):
            name = f"passing {number % 3}"
            worker.add_pool(name, 1)
            worker.set_backends([backend.backend()], name, first_slot=1)
            port = await worker.add_listener(name, 1, name)
            with await connect(port) as client:
                assert await answers(client)
            await worker.remove_listener(name)
            worker.remove_pool(name)
        await until(lambda: worker.active == 0 and worker.descriptors == before)


async def test_clients_of_a_dual_stack_listener_are_logged_by_their_ipv4_address(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener(host="::")
        names = []
        for host, shown in (("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")):
            with await connect(port, host) as client:
                names.append(f"{shown}:{client.port}")
                assert await answers(client)
        assert {(await worker.closed(client=name))["client"] for name in names} == set(names)


async def test_a_listener_that_closes_takes_no_more_than_the_limit_of_sessions() -> None:
    async with running_worker(descriptors=168) as worker, route(worker) as way:
        for _ in range(15):
            await way.session()
        worker.process.send_signal(signal.SIGSTOP)
        removal = asyncio.create_task(worker.remove_listener())
        await asyncio.sleep(0)  # the order is given, so that the worker sees it first
        for _ in range(30):
            await way.client()
        worker.process.send_signal(signal.SIGCONT)
        await removal
        assert listener(worker, ListenerCell.TOTAL) == 20
        await worker.event("accept_paused")
        assert len(worker.events("accept_paused")) == 1


async def is_served(client: Peer) -> bool:
    """Whether the client gets a backend, and not a reset."""
    try:
        return await answers(client)
    except OSError:
        return False


def rejected(worker: Worker, reason: RejectReason) -> int:
    return worker.cell(LISTENERS, 0, REJECTED_CELL[reason])


async def test_above_the_limit_of_a_listener_clients_are_reset_at_once_until_one_has_left(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener(max_connections=3)
        with ExitStack() as stack:
            served = [stack.enter_context(await connect(port)) for _ in range(3)]
            assert all([await is_served(client) for client in served])
            with await connect(port) as fourth:
                assert await fourth.was_reset()
            line = await worker.closed(reason="rejected")
            assert (line["rejected"], line["attempts"], line["backend"]) == ("max_connections", 0, None)
            assert rejected(worker, RejectReason.MAX_CONNECTIONS) == 1
            served[0].close()
            await until(lambda: worker.active == 2)
            assert await is_served(stack.enter_context(await connect(port)))


async def test_above_the_limit_of_a_client_only_its_own_connections_are_reset(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener(max_connections_per_client=2)
        with ExitStack() as stack:
            greedy = [stack.enter_context(await connect(port)) for _ in range(3)]
            assert [await is_served(client) for client in greedy] == [True, True, False]
            modest = stack.enter_context(await connect(port, source="127.0.0.2"))
            assert await is_served(modest)
            assert (await worker.closed(reason="rejected"))["rejected"] == "max_connections_per_client"
            assert rejected(worker, RejectReason.MAX_CONNECTIONS_PER_CLIENT) == 1
            greedy[0].close()
            await until(lambda: worker.active == 2)
            assert await is_served(stack.enter_context(await connect(port)))


async def test_who_is_denied_is_reset_and_counted_without_a_session(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener(allow=["127.0.0.0/8"], deny=["127.0.0.2", "127.1.0.0/16"])
        for source in ("127.0.0.2", "127.1.2.3"):
            with await connect(port, source=source) as denied:
                assert await denied.was_reset()
        with await connect(port, source="127.0.0.3") as welcome:
            assert await is_served(welcome)
        await worker.closed()
        assert rejected(worker, RejectReason.DENIED) == 2
        assert worker.cell(LISTENERS, 0, ListenerCell.TOTAL) == 1
        assert len(worker.events("session_closed")) == 1


async def test_a_list_that_is_empty_lets_nobody_in(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        with await connect(await worker.add_listener(allow=[])) as client:
            assert await client.was_reset()
        assert rejected(worker, RejectReason.DENIED) == 1


async def test_a_client_above_its_rate_is_reset_and_others_are_served(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener(accept_rate_per_client=0.001, accept_burst_per_client=2)
        with ExitStack() as stack:
            for _ in range(2):
                with await connect(port) as hasty:
                    assert await is_served(hasty)
            with await connect(port) as hasty:
                assert not await is_served(hasty)
            assert (await worker.closed(reason="rejected"))["rejected"] == "accept_rate_per_client"
            assert rejected(worker, RejectReason.ACCEPT_RATE_PER_CLIENT) == 1
            assert await is_served(stack.enter_context(await connect(port, source="127.0.0.2")))


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_client"])
async def test_two_workers_together_never_exceed_the_limits_of_a_listener(limit: str) -> None:
    board, limits = Board.create(2), dict[str, Any]({limit: 10})
    async with AsyncExitStack() as workers, serving(echo) as backend:
        both = [await workers.enter_async_context(running_worker(board=board, number=number)) for number in range(2)]
        ports = []
        for worker in both:
            worker.add_pool()
            worker.set_backends([backend.backend()])
            ports.append(await worker.add_listener(**limits))
        with ExitStack() as stack:
            for _ in range(3):
                served = await who_is_served(stack, ports * 20)
                assert 1 <= len(served) <= 10
                while len(served) < 10:  # both may have stepped back from the last place
                    one_more = await who_is_served(stack, ports[:1])
                    assert one_more
                    served += one_more
                assert await who_is_served(stack, ports) == []
                for client in served:
                    client.close()
                await until(lambda: board.sum(LISTENERS, 0, ListenerCell.ACTIVE) == 0)


async def who_is_served(stack: ExitStack, ports: Sequence[int]) -> list[Peer]:
    """Connect to all these ports at once; those clients that got a backend."""
    clients = [stack.enter_context(client) for client in await asyncio.gather(*(connect(port) for port in ports))]
    served = await asyncio.gather(*map(is_served, clients))
    return [client for client, is_one in zip(clients, served, strict=True) if is_one]


async def test_clients_above_the_accept_rate_wait_and_all_are_served_at_that_rate(worker: Worker) -> None:
    times: list[float] = []

    async def note(peer: Peer) -> None:
        times.append(monotonic())
        await echo(peer)

    async with serving(note) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener(accept_rate=100, accept_burst=5)
        started = monotonic()
        with ExitStack() as stack:
            assert len(await who_is_served(stack, [port] * 60)) == 60
        assert len(times) == 60
        for count, time in enumerate(times, 1):
            assert count <= 5 + 100 * (time - started)
        assert 1 <= listener(worker, ListenerCell.RATE_PAUSES) <= 60
        assert listener(worker, ListenerCell.ACCEPT_PAUSES) == 0


async def test_clients_that_gave_up_while_they_waited_for_the_rate_cost_nobody_a_turn(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener(accept_rate=2, accept_burst=1)
        with ExitStack() as stack:
            assert await is_served(stack.enter_context(await connect(port)))
            for number in range(60):
                impatient = await connect(port)
                if number % 2:
                    impatient.reset()
                else:
                    impatient.close()
            assert await is_served(stack.enter_context(await connect(port))), "and not half a minute later"
            assert worker.cell(LISTENERS, 0, REJECTED_CELL[RejectReason.CLIENT_GONE]) == 60
            assert worker.active == 2


async def test_with_two_workers_each_has_half_of_the_accept_rate() -> None:
    board = Board.create(2)
    async with running_worker(board=board) as worker, serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener(accept_rate=1, accept_burst=20)
        with ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(await connect(port))
            await until(lambda: worker.active == 10)
            await until(lambda: listener(worker, ListenerCell.RATE_PAUSES) == 1)


async def test_a_pause_for_the_rate_and_one_for_descriptors_do_not_end_each_other() -> None:
    async with running_worker(descriptors=168) as worker, serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener(accept_rate=200, accept_burst=1)
        with ExitStack() as stack:
            clients = [stack.enter_context(await connect(port)) for _ in range(30)]
            await worker.event("accept_paused")
            assert all(await asyncio.gather(*map(is_served, clients[:20])))
            assert worker.active == 20
            assert await processor_time_of_a_second(worker) < QUIET
            assert worker.active == 20
            for client in clients[:20]:
                client.close()
            assert all(await asyncio.gather(*map(is_served, clients[20:])))


async def test_the_end_of_a_pause_for_descriptors_does_not_end_that_of_another_listener_for_its_rate() -> None:
    async with running_worker(descriptors=168) as worker, serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port, limited = (
            await worker.add_listener(),
            await worker.add_listener("limited", 1, accept_rate=0.01, accept_burst=1),
        )
        with ExitStack() as stack:
            assert await is_served(stack.enter_context(await connect(limited)))
            stack.enter_context(await connect(limited))
            await until(lambda: worker.cell(LISTENERS, 1, ListenerCell.RATE_PAUSES) == 1)
            clients = [stack.enter_context(await connect(port)) for _ in range(19)]
            await worker.event("accept_paused")
            for client in clients:
                client.close()
            await worker.event("accept_resumed")
            assert await is_served(stack.enter_context(await connect(port)))
            assert worker.cell(LISTENERS, 1, ListenerCell.RATE_PAUSES) == 1


async def test_a_listener_that_comes_while_accepting_is_paused_accepts_only_afterwards() -> None:
    async with running_worker(descriptors=168) as worker, serving(echo) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        with ExitStack() as stack:
            clients = [stack.enter_context(await connect(port)) for _ in range(20)]
            await worker.event("accept_paused")
            late = stack.enter_context(await connect(await worker.add_listener("late", 1)))
            await worker.sessions()
            assert worker.cell(LISTENERS, 1, ListenerCell.TOTAL) == 0
            for client in clients:
                client.close()
            assert await is_served(late)


async def test_a_listener_that_closes_while_it_pauses_for_the_rate_lets_nobody_else_in(worker: Worker) -> None:
    async with route(worker) as way:
        limited = await worker.add_listener("limited", 1, accept_rate=0.01, accept_burst=1)
        await way.session_through(limited)
        waiting = way.stack.enter_context(await connect(limited))
        await until(lambda: worker.cell(LISTENERS, 1, ListenerCell.RATE_PAUSES) == 1)
        await worker.remove_listener("limited")
        assert await waiting.was_reset()
        await way.session()


async def test_a_pause_for_the_rate_that_ends_after_its_listener_has_closed_disturbs_nobody(worker: Worker) -> None:
    async with route(worker) as way:
        for number in range(1, 4):
            port = await worker.add_listener(f"limited {number}", number, accept_rate=20, accept_burst=1)
            await way.session_through(port)
            await worker.remove_listener(f"limited {number}")
        await worker.sweeps()
        assert worker.events("internal_error") == []
        await way.session()
