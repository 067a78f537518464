"""Sessions: which backends they dial, how they end, and that log, counters and gauges agree about each of them."""

import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from tests.dataplane.route import route
from tests.support.namespace import in_own_network
from tests.support.options import CONNECTION
from tests.support.peers import (
    Peer,
    blackhole,
    checksum,
    close_at_once,
    connect,
    dead_backend,
    echo,
    listening,
    payload,
    reset_at_once,
    serving,
)
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.core.pools.backend import Backend
from tidegate.core.reasons import CloseReason, ConnectFailure, RejectReason
from tidegate.link.board import (
    BACKENDS,
    CLIENTS,
    CLOSED_CELL,
    FAILURE_CELL,
    LISTENERS,
    POOLS,
    REJECTED_CELL,
    BackendCell,
    ClientCell,
    PoolCell,
)
from tidegate.link.messages import BackendFailed
from tidegate.link.own_addresses import ephemeral_ports

MULTICAST = "224.0.0.1", "224.0.0.2"  # to connect to them fails at once
ONLY_PORT = 40_000
"""The one port that connections are given in a network of their own, so that one to this port meets itself."""


def failures(worker: Worker, slot: int, failure: ConnectFailure) -> int:
    return worker.cell(BACKENDS, slot, FAILURE_CELL[failure])


async def test_a_refused_dial_goes_on_to_the_next_backend(worker: Worker) -> None:
    async with serving(echo) as alive:
        worker.add_pool()
        worker.set_backends([dead_backend(), alive.backend()])
        port = await worker.add_listener()
        for number in range(10):
            with await connect(port) as client:
                await client.send(b"ping")
                assert await client.read_exactly(4) == b"ping"
                client.end()
                await client.read_all()
            await until(lambda: len(worker.events("session_closed")) == number + 1)  # noqa: B023  (awaited at once)
    attempts = [line["attempts"] for line in worker.log]
    assert 2 in attempts
    assert set(attempts) <= {1, 2}
    assert failures(worker, 0, ConnectFailure.REFUSED) == attempts.count(2)
    assert {line["backend"] for line in worker.log} == {str(alive.address)}


async def test_a_dial_that_meets_itself_at_the_port_of_a_backend_that_is_down_is_refused() -> None:
    async def story() -> None:
        async with running_worker() as worker:
            worker.add_pool(outlier_failures=5, early_end=60.0)
            hosts = ("127.0.0.1", "::1", "0.0.0.0")
            worker.set_backends([Backend(f"{host}:{ONLY_PORT}", host, ONLY_PORT) for host in hosts])
            with await connect(await worker.add_listener(port=free_port())) as client:
                assert await client.was_reset()
            line = await worker.closed(reason="connect_failed")
            assert line["attempts"] == len(hosts)
            assert [failures(worker, slot, ConnectFailure.REFUSED) for slot in range(len(hosts))] == [1] * len(hosts)

    await in_own_network(story, ports=range(ONLY_PORT, ONLY_PORT + 1))


async def test_where_no_local_port_is_left_for_two_backends_no_more_are_tried_and_none_is_blamed() -> None:
    async def story() -> None:
        async with AsyncExitStack() as stack:
            worker = await stack.enter_async_context(running_worker())
            backends = [stack.enter_context(listening(port=free_port())) for _ in range(4)]
            worker.add_pool(connect_attempts=4)
            worker.set_backends([backend.backend() for backend in backends])
            port = await worker.add_listener(port=free_port())
            taken = [stack.enter_context(await connect(backend.address.port)) for backend in backends]
            with await connect(port) as client:
                assert await client.was_reset()
            assert (await worker.closed(reason="connect_failed"))["attempts"] == 2
            assert sum(failures(worker, slot, ConnectFailure.NO_LOCAL_PORT) for slot in range(4)) == 2
            assert worker.failure_reports() == []

            for connection in taken:
                connection.reset()
            with await connect(port):
                await until(lambda: worker.own(BACKENDS, BackendCell.TOTAL) == 1)

    await in_own_network(story, ports=range(ONLY_PORT, ONLY_PORT + 1))


async def test_a_backend_with_an_ipv6_address_is_unreachable_where_this_host_has_none() -> None:
    async def story() -> None:
        async with running_worker() as worker:
            worker.add_pool()
            worker.set_backends([Backend("[::1]:8001", "::1", 8001)])
            with await connect(await worker.add_listener()) as client:
                assert await client.was_reset()
            await worker.closed(reason="connect_failed")
            assert failures(worker, 0, ConnectFailure.UNREACHABLE) == 1
            await until(worker.failure_reports)

    await in_own_network(story, ports=range(40_000, 50_000), ipv6=False)


async def test_what_backends_say_before_they_are_asked_reaches_the_clients(worker: Worker) -> None:
    async def greet(peer: Peer) -> None:
        await peer.send(b"220 welcome")
        await peer.read()

    async with serving(greet) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        for _ in range(5):
            worker.process.send_signal(signal.SIGSTOP)
            clients = [await connect(port) for _ in range(50)]
            worker.process.send_signal(
                signal.SIGCONT
            )  # it dials for all at once, and hears the first when it has dialled the last
            for client in clients:
                async with asyncio.timeout(5):
                    assert await client.read_exactly(11) == b"220 welcome"
                client.close()


async def test_after_the_last_attempt_the_client_is_reset(worker: Worker) -> None:
    worker.add_pool(connect_attempts=3)
    worker.set_backends([dead_backend() for _ in range(5)])
    with await connect(await worker.add_listener()) as client:
        assert await client.was_reset()
    closed = await worker.closed()
    assert (closed["reason"], closed["attempts"], closed["connect_ms"]) == ("connect_failed", 3, None)
    assert sum(failures(worker, slot, ConnectFailure.REFUSED) for slot in range(5)) == 3


async def test_no_backend_is_tried_twice_for_one_client(worker: Worker) -> None:
    worker.add_pool(connect_attempts=5)
    worker.set_backends([dead_backend(), dead_backend()])
    with await connect(await worker.add_listener()) as client:
        assert await client.was_reset()
    assert (await worker.closed())["attempts"] == 2
    assert [failures(worker, slot, ConnectFailure.REFUSED) for slot in range(2)] == [1, 1]


async def test_a_backend_that_never_answers_costs_the_connect_timeout_then_the_next_is_tried(worker: Worker) -> None:
    async with blackhole() as silent, serving(echo) as alive:
        worker.add_pool(connect_timeout=0.3)
        worker.set_backends([silent, alive.backend(backup=True)])
        with await connect(await worker.add_listener()) as client:
            await client.send(b"ping")
            assert await client.read_exactly(4) == b"ping"
        closed = await worker.closed()
    assert (closed["attempts"], closed["backend"]) == (2, str(alive.address))
    assert closed["duration_ms"] >= 300 > closed["connect_ms"]
    assert failures(worker, 0, ConnectFailure.TIMEOUT) == 1


async def test_an_address_without_a_route_fails_at_once_and_the_next_is_tried(worker: Worker) -> None:
    async with serving(echo) as alive:
        worker.add_pool()
        worker.set_backends([Backend("224.0.0.1:80", "224.0.0.1", 80), alive.backend(backup=True)])
        with await connect(await worker.add_listener()) as client:
            await client.send(b"ping")
            assert await client.read_exactly(4) == b"ping"
        assert (await worker.closed())["attempts"] == 2
    assert failures(worker, 0, ConnectFailure.UNREACHABLE) == 1


@pytest.mark.parametrize("eligible", [None, False])
async def test_without_an_eligible_backend_a_client_is_reset_at_once(worker: Worker, eligible: bool | None) -> None:  # noqa: FBT001
    with listening() as backend:
        worker.add_pool()
        if eligible is not None:
            worker.set_backends([backend.backend()], eligible=eligible)
        with await connect(await worker.add_listener()) as client:
            assert await client.was_reset()
        assert not backend.waiting
    closed = await worker.closed()
    assert (closed["reason"], closed["attempts"], closed["backend"]) == ("no_backend", 0, None)
    assert worker.cell(LISTENERS, 0, REJECTED_CELL[RejectReason.NO_BACKEND]) == 1


async def test_a_backend_that_closes_at_once_ends_the_stream_and_the_session_when_the_client_ends_too(
    worker: Worker,
) -> None:
    async with serving(close_at_once) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        with await connect(await worker.add_listener()) as client:
            assert await client.read() == b""
            assert worker.active == 1
            client.end()
            assert (await worker.closed())["reason"] == "backend_eof"


async def test_a_backend_that_resets_at_once_resets_the_client(worker: Worker) -> None:
    async with serving(reset_at_once) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        with await connect(await worker.add_listener()) as client:
            assert await client.was_reset()
        # Depends on which the worker sees first: the connection, or that it is gone already.
        assert (await worker.closed())["reason"] in {"backend_reset", "connect_failed"}


async def test_once_a_byte_has_reached_a_backend_no_other_backend_is_tried(worker: Worker) -> None:
    async def read_and_reset(peer: Peer) -> None:
        await peer.read_exactly(1)
        peer.reset()

    async with serving(read_and_reset) as broken:
        with listening() as other:
            worker.add_pool()
            worker.set_backends([broken.backend(), other.backend(backup=True)])
            with await connect(await worker.add_listener()) as client:
                await client.send(b"GET / HTTP/1.1\r\n")
                assert await client.was_reset()
            closed = await worker.closed()
            assert (closed["reason"], closed["attempts"]) == ("backend_reset", 1)
            assert not other.waiting


async def test_a_client_that_has_sent_and_ended_before_the_dial_is_over_is_served_in_full(worker: Worker) -> None:
    data = payload(100_000)
    async with blackhole() as silent:
        with listening() as alive:
            worker.add_pool(connect_timeout=0.3)
            worker.set_backends([silent, alive.backend(backup=True)])
            with await connect(await worker.add_listener()) as client:
                await client.send(data)
                client.end()
                with await alive.accept() as backend:
                    assert checksum(await backend.read_all()) == checksum(data)
                    await backend.send(b"thanks")
                    backend.end()
                    assert await client.read_all() == b"thanks"
            assert (await worker.closed())["reason"] == "client_eof"


async def test_a_client_that_was_reset_before_the_dial_is_over_resets_the_backend(worker: Worker) -> None:
    async with blackhole() as silent:
        with listening() as alive:
            worker.add_pool(connect_timeout=0.3)
            worker.set_backends([silent, alive.backend(backup=True)])
            client = await connect(await worker.add_listener())
            await until(lambda: worker.active)
            client.reset()
            with await alive.accept() as backend:
                assert await backend.was_reset()
            closed = await worker.closed()
            assert (closed["reason"], closed["attempts"]) == ("client_reset", 2)


async def test_clients_that_were_reset_before_their_backends_spoke_first_are_no_bug(worker: Worker) -> None:
    async def greet(peer: Peer) -> None:
        await peer.send(b"220 welcome")
        await peer.read()

    async with serving(greet) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        worker.process.send_signal(signal.SIGSTOP)
        for client in [await connect(port) for _ in range(200)]:
            client.reset()
        worker.process.send_signal(signal.SIGCONT)
        await until(lambda: len(worker.events("session_closed", reason="client_reset")) == 200)


async def test_bytes_pass_as_they_are_one_by_one_and_whatever_they_mean(worker: Worker) -> None:
    handshake_half = b"GET /chat HTTP/1.1\r\nUpgrade: webs"
    garbage = bytes(range(256)) * 3 + b"\x00\xff\xfe{]\r\n\r\n" + b"\x16\x03\x01\xff\xff"
    async with route(worker) as way:
        client, backend = await way.session()
        for number in handshake_half + garbage:
            await client.send(bytes([number]))
            assert await backend.read_exactly(1) == bytes([number])
        assert worker.active == 1
        client.end()
        assert await backend.read() == b""
        backend.end()
        assert (await worker.closed())["sent_bytes"] == len(handshake_half + garbage)


async def test_an_idle_session_is_reset_after_the_timeout_and_one_with_traffic_or_without_timeout_lives_on(
    worker: Worker,
) -> None:
    async with route(worker, idle_timeout=1.0) as way:
        worker.add_pool("patient", 1, idle_timeout=0.0)
        worker.set_backends([way.backend.backend()], "patient", first_slot=1)
        patient_port = await worker.add_listener("patient", 1, "patient")
        with await connect(patient_port) as patient, await way.backend.accept() as patient_backend:
            busy, busy_backend = await way.session()
            one_way, one_way_backend = await way.session()
            idle, idle_backend = await way.session()
            idle_name, busy_name = f"127.0.0.1:{idle.port}", f"127.0.0.1:{busy.port}"
            opened = last_word = monotonic()

            async def chat() -> None:
                nonlocal last_word
                while not worker.events("session_closed", reason="idle_timeout"):
                    last_word = monotonic()
                    await busy.send(b"ping")
                    assert await busy_backend.read_exactly(4) == b"ping"
                    await one_way_backend.send(b"news")
                    assert await one_way.read_exactly(4) == b"news"
                    await asyncio.sleep(0.02)

            async with asyncio.timeout(20), asyncio.TaskGroup() as group:
                group.create_task(chat())
                ends = [group.create_task(peer.was_reset()) for peer in (idle, idle_backend)]
            assert [end.result() for end in ends] == [True, True]
            closed = worker.events("session_closed")
            assert [line["client"] for line in closed] == [idle_name]
            assert closed[0]["duration_ms"] >= 1000
            assert worker.active == 3
            async with asyncio.timeout(20):
                assert await busy.was_reset()
            silent = await worker.closed(client=busy_name)
            assert silent["duration_ms"] >= 1000 * (last_word - opened + 1), "its time began anew with its last word"
            await patient.send(b"still here")
            assert await patient_backend.read_exactly(10) == b"still here"


async def test_a_session_that_has_lived_for_its_longest_time_is_reset_whatever_it_does(worker: Worker) -> None:
    async with route(worker, max_duration=1.0) as way:
        worker.add_pool("patient", 1, max_duration=60.0)
        worker.set_backends([way.backend.backend()], "patient", first_slot=1)
        patient_port = await worker.add_listener("patient", 1, "patient")
        with await connect(patient_port) as patient, await way.backend.accept() as patient_backend:
            client, backend = await way.session()

            async def chat() -> None:
                while True:
                    await client.send(b"ping")
                    assert await backend.read_exactly(4) == b"ping"
                    await asyncio.sleep(0.02)

            with pytest.raises(ConnectionError):
                async with asyncio.timeout(20):
                    await chat()
            line = await worker.closed()
            assert (line["reason"], line["client"]) == ("max_duration", f"127.0.0.1:{client.port}")
            assert line["duration_ms"] >= 1000
            await patient.send(b"still here")
            assert await patient_backend.read_exactly(10) == b"still here"


async def test_a_session_over_ipv6_works_and_is_logged_with_brackets(worker: Worker) -> None:
    async with serving(echo, "::1") as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        with await connect(await worker.add_listener(host="::1"), "::1") as client:
            client_name = f"[::1]:{client.port}"
            await client.send(b"six")
            assert await client.read_exactly(3) == b"six"
        closed = await worker.closed()
    assert (closed["backend"], closed["client"]) == (str(backend.address), client_name)
    assert closed["backend"].startswith("[::1]:")


async def test_failed_dials_are_reported_to_control_but_only_a_few_times_a_second(worker: Worker) -> None:
    dead = dead_backend()
    worker.add_pool("chat", connect_attempts=1)
    worker.set_backends([dead], "chat")
    port = await worker.add_listener(pool="chat")
    started = monotonic()
    for _ in range(300):
        with await connect(port) as client:
            assert await client.was_reset()
    await worker.sessions()
    seconds = monotonic() - started
    reports = worker.failure_reports()
    assert reports[0] == BackendFailed(
        0, "chat", dead.name, 0, dials=1, resets=0, early_ends=0, disputed=0, clients=[], reason="refused"
    )
    assert 1 <= len(reports) <= seconds / 0.1 + 1
    await until(lambda: sum(report.dials for report in worker.failure_reports()) == 300)
    assert failures(worker, 0, ConnectFailure.REFUSED) == 300

    async def reported_again() -> bool:
        with await connect(port) as client:
            assert await client.was_reset()
        return len(worker.failure_reports()) > len(reports)

    await until(reported_again)


async def test_a_session_ends_with_exactly_one_close_reason_logged_and_counted_once(worker: Worker) -> None:
    async def end(peer: Peer) -> None:
        await peer.read_exactly(1)
        peer.end()
        await peer.read_all()

    async def break_off(peer: Peer) -> None:
        await peer.read_exactly(1)
        peer.reset()

    async def client(port: int, ends: str) -> None:
        with await connect(port) as peer:
            if ends != "never speaks":
                await peer.send(b"x")
            match ends:
                case "first":
                    peer.end()
                    await peer.read_all()
                case "second":
                    await peer.read_all()
                case "reset":
                    assert await peer.read_exactly(1) == b"x"
                    peer.reset()
                case _:
                    assert await peer.was_reset()

    async with AsyncExitStack() as stack:
        served = [await stack.enter_async_context(serving(behave)) for behave in (echo, end, break_off)]
        echoing, ending, breaking = (each.backend() for each in served)
        fates = [
            ("echo", [echoing], 0.0, ["first", "reset"]),
            ("end", [ending], 0.0, ["second"]),
            ("break", [breaking], 0.0, ["is reset"]),
            ("dead", [dead_backend()], 0.0, ["never speaks"]),
            ("none", [], 0.0, ["never speaks"]),
            ("idle", [served[0].backend()], 0.3, ["never speaks"]),
        ]
        clients = []
        for number, (name, backends, idle_timeout, endings) in enumerate(fates):
            worker.add_pool(name, number, idle_timeout=idle_timeout)
            worker.set_backends(backends, name, first_slot=number)
            port = await worker.add_listener(name, number, name)
            clients += [client(port, ending) for ending in endings for _ in range(50)]
        await asyncio.gather(*clients)
        left = [stack.enter_context(await connect(port)) for _ in range(10)]
        for peer in left:
            await peer.send(b"x")
            assert await peer.read_exactly(1) == b"x"
        assert await worker.stop() == 0
    totals = {reason: sum(worker.cell(POOLS, slot, CLOSED_CELL[reason]) for slot in range(6)) for reason in CloseReason}
    assert {reason.value: count for reason, count in totals.items() if count} == {
        "client_eof": 50,
        "client_reset": 50,
        "backend_eof": 50,
        "backend_reset": 50,
        "connect_failed": 50,
        "no_backend": 50,
        "idle_timeout": 50,
        "drain": 10,
    }
    await until(lambda: len(worker.events("session_closed")) == 360)
    worker.check_books()
    assert worker.cell(POOLS, 0, PoolCell.ACTIVE) == 0
    assert worker.cell(BACKENDS, 0, BackendCell.TOTAL) == 100


async def test_a_bug_in_the_start_of_a_session_costs_only_that_session(worker: Worker) -> None:
    worker.expected_bugs = 1
    async with route(worker) as way:
        client, backend = await way.session()
        worker.add_pool("broken", 1)
        worker.set_backends([impossible_backend()], "broken", first_slot=1)
        with await connect(await worker.add_listener("broken", 1, "broken")) as unlucky:
            assert await unlucky.was_reset()
        assert (await worker.closed())["reason"] == "error"
        await client.send(b"ping")
        assert await backend.read_exactly(4) == b"ping"
        assert worker.active == 1


async def test_a_bug_in_a_later_dial_costs_only_that_session(worker: Worker) -> None:
    worker.expected_bugs = 2
    async with route(worker) as way, blackhole() as silent:
        client, backend = await way.session()
        for number, first in enumerate([dead_backend(), silent], 1):  # the next dial follows on an event or on a timer
            name = f"broken {number}"
            worker.add_pool(name, number, connect_timeout=0.1)
            worker.set_backends([first, impossible_backend(backup=True)], name, first_slot=2 * number)
            with await connect(await worker.add_listener(name, number, name)) as unlucky:
                assert await unlucky.was_reset()
            assert (await worker.closed(pool=name))["reason"] == "error"
        await client.send(b"ping")
        assert await backend.read_exactly(4) == b"ping"
        assert worker.active == 1


async def test_a_dial_that_fails_when_control_has_just_gone_ends_its_session_once(worker: Worker) -> None:
    """The report of the failure finds the link closed, and that ends all sessions, this one in the middle of its dial."""
    worker.add_pool()
    worker.set_backends([Backend(f"{group}:9", group, 9) for group in MULTICAST])
    port = await worker.add_listener()
    await until(lambda: waits(worker.process.pid))  # else it might find the link closed before it accepts the client
    worker.process.send_signal(signal.SIGSTOP)
    with await connect(port) as client:
        worker.channel.close()
        worker.process.send_signal(signal.SIGCONT)
        assert await client.was_reset()
    assert await worker.exit_code() == 1
    assert len(worker.events("session_closed")) == 1
    assert worker.active == 0


async def test_a_bug_in_the_sweep_of_a_session_costs_only_that_session(worker: Worker) -> None:
    worker.expected_bugs = 1
    async with route(worker) as way, serving(echo) as backend:
        client, accepted = await way.session()
        worker.add_pool("broken", 1, connection=replace(CONNECTION, keepalive_count=-1))  # the kernel refuses it
        worker.set_backends([backend.backend()], "broken", first_slot=1)
        with await connect(await worker.add_listener("broken", 1, "broken")) as unlucky:
            assert await unlucky.was_reset()
        assert (await worker.closed())["reason"] == "error"
        await client.send(b"ping")
        assert await accepted.read_exactly(4) == b"ping"
        assert worker.active == 1


async def test_a_bug_in_the_counters_keeps_no_session_open(worker: Worker) -> None:
    worker.expected_bugs = 1
    async with route(worker) as way:
        port = await worker.add_listener("limited", 1, max_connections_per_client=2)
        descriptors = worker.descriptors
        client, backend = await way.session_through(port)
        connections_of_client = next(cell for cell in worker.cells(CLIENTS, ClientCell.ACTIVE) if worker.board.cells[cell])
        worker.board.cells[connections_of_client] = 0  # one less is not possible
        await backend.send(b"last words")
        client.reset()
        assert await backend.was_reset()
        assert (await worker.closed())["reason"] == "client_reset"
        assert not (await worker.sessions()).total
        await until(lambda: worker.descriptors == descriptors)


async def test_a_backend_whose_address_cannot_be_used_is_left_out_and_the_others_serve(worker: Worker) -> None:
    async with serving(echo) as backend:
        worker.add_pool()
        names = ["a..b", "a\0b", "localhost", ""]
        worker.set_backends([*(Backend(f"{name}:1", name, 1) for name in names), backend.backend()])
        port = await worker.add_listener()
        for _ in range(3):
            with await connect(port) as client:
                await client.send(b"ping")
                assert await client.read_exactly(4) == b"ping"
        assert [line["backend"] for line in worker.events("backend_unusable")] == [f"{name}:1" for name in names]


async def test_backends_that_come_while_there_are_no_descriptors_cost_no_session(worker: Worker) -> None:
    port = ephemeral_ports()[-1]  # one that a connection could have itself, for which a socket is asked
    async with route(worker) as way:
        client, accepted = await way.session()
        used = worker.descriptors
        worker.limit_descriptors(min(set(range(max(used) + 2)) - used))
        worker.set_backends([Backend(f"127.0.0.1:{port}", "127.0.0.1", port)], first_slot=1)
        await worker.sessions()
        worker.limit_descriptors(10_000)
        await client.send(b"ping")
        assert await accepted.read_exactly(4) == b"ping"


def impossible_backend(*, backup: bool = False) -> Backend:
    """An address that control never sends, and that a worker is not prepared for."""
    return Backend("127.0.0.1:70000", "127.0.0.1", 70000, backup=backup)


def waits(pid: int) -> bool:
    """Whether a process waits for something to do."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("S")
