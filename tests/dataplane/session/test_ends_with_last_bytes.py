"""The last bytes before a reset: what the kernel has received by then arrives first, and no wait for it is endless."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from tests.dataplane.route import route
from tests.support.peers import Peer, blackhole, checksum, connect, listening, payload, serving
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.core.splice import Splice
from tidegate.link.messages import CloseSessions

SMALL_BUFFER = 64 * 1024
READ_SIZE = 4096
SIZES = [1, 128, 50_000]  # bytes; the last one takes a worker many reads
ENOUGH_TO_STALL = 16 * 1024 * 1024
GREETING = b"-ERR max number of clients reached\r\n"
WHO = pytest.mark.parametrize("who", ["client", "backend"])


@pytest.fixture(params=[Splice.ALWAYS, Splice.NEVER])
async def worker(request: pytest.FixtureRequest) -> AsyncIterator[Worker]:
    """A worker that moves bytes in one of the two ways, few of them at once."""
    async with running_worker(buffer_size=READ_SIZE, splice=request.param) as worker:
        yield worker


@contextmanager
def stopped(worker: Worker) -> Iterator[None]:
    """While it is stopped all that happens waits in the kernel, and what happens to one socket comes as one event."""
    worker.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        worker.process.send_signal(signal.SIGCONT)


def named(who: str, client: Peer, backend: Peer) -> tuple[Peer, Peer]:
    """The one that breaks off, and the one that witnesses it."""
    return (client, backend) if who == "client" else (backend, client)


async def say(peer: Peer, data: bytes) -> None:
    """Send, and wait until the kernel at the other end has it."""
    await peer.send(data)
    await until(lambda: peer.unacknowledged == 0)


async def fill(peer: Peer) -> bytes:
    """Send until nothing moves any more, for a while; what the kernel at the other end has got of that."""
    data = payload(ENOUGH_TO_STALL)
    sent = tries = 0
    while tries < 6:
        try:
            sent += peer.sock.send(data[sent : sent + SMALL_BUFFER])
            tries = 0
            assert sent < len(data), "the kernel takes more than what was to make it stall"
        except BlockingIOError:
            tries += 1
            await asyncio.sleep(0.02)
    return data[: sent - peer.unacknowledged]


async def read_to_the_reset(peer: Peer) -> bytes:
    """Everything up to a reset."""
    data = bytearray()
    try:
        while chunk := await peer.read():
            data += chunk
    except ConnectionResetError:
        return bytes(data)
    pytest.fail(f"an end, no reset, after {len(data)} bytes")


@WHO
async def test_what_the_kernel_received_before_a_reset_is_passed_on_before_the_reset(worker: Worker, who: str) -> None:
    async with route(worker) as way:
        for size in SIZES:
            breaker, witness = named(who, *await way.session())
            data = payload(size)
            with stopped(worker):
                await say(breaker, data)
                breaker.reset()
            assert checksum(await read_to_the_reset(witness)) == checksum(data)
            await worker.closed(reason=f"{who}_reset", **{"sent_bytes" if who == "client" else "received_bytes": size})


@WHO
async def test_it_is_passed_on_though_what_the_other_side_sends_has_met_the_reset_first(worker: Worker, who: str) -> None:
    async with route(worker) as way:
        for size in SIZES:
            breaker, witness = named(who, *await way.session())
            data = payload(size)
            with stopped(worker):
                await say(witness, b"more of it")  # the first event: writing it takes the error of the other side
                await say(breaker, data)
                breaker.reset()
            assert checksum(await read_to_the_reset(witness)) == checksum(data)
            await worker.closed(reason=f"{who}_reset", **{"sent_bytes" if who == "client" else "received_bytes": size})


@WHO
async def test_urgent_data_before_a_reset_is_passed_on_in_its_place(worker: Worker, who: str) -> None:
    """What the other side has sent meets the reset before the worker has seen the urgent byte."""
    async with route(worker) as way:
        client, backend = await way.session()
        breaking, witness = named(who, client, backend)
        with stopped(worker):
            await say(witness, b"ping")
            breaking.sock.send(b"!", socket.MSG_OOB)
            await say(breaking, b"last words")
            breaking.reset()
        assert await witness.read_exactly(11) == b"!last words"
        assert await witness.was_reset()


@WHO
async def test_an_end_before_a_reset_is_passed_on_too(worker: Worker, who: str) -> None:
    async with route(worker) as way:
        breaker, witness = named(who, *await way.session())
        with stopped(worker):
            await say(witness, b"more of it")
            await breaker.send(GREETING)
            breaker.end()
            await until(lambda: breaker.unacknowledged == 0)
            breaker.reset()
        assert await witness.read_all() == GREETING
        assert (await worker.closed())["reason"] == f"{who}_reset"


@WHO
async def test_a_reset_waits_for_a_receiver_that_is_slow(worker: Worker, who: str) -> None:
    async with route(worker, kernel_buffer=SMALL_BUFFER) as way:
        breaker, witness = named(who, *await way.session(receive_buffer=SMALL_BUFFER))
        data = await fill(breaker)
        breaker.reset()
        await witness.send(b"goes nowhere")
        received = await read_to_the_reset(witness)
        assert checksum(received[: len(data)]) == checksum(data)
        assert (await worker.closed())["reason"] == f"{who}_reset"


@pytest.mark.parametrize("reason", ["idle_timeout", "backend_down"])
async def test_what_was_passed_on_before_a_session_is_ended_arrives_before_the_reset(worker: Worker, reason: str) -> None:
    async with route(worker, kernel_buffer=SMALL_BUFFER) as way:
        before = worker.descriptors
        client, backend = await way.session(receive_buffer=SMALL_BUFFER)
        data = await fill(backend)
        if reason == "idle_timeout":
            worker.add_pool(idle_timeout=0.1)
        else:
            backend_name = str(way.backend.address)
            worker.channel.send(CloseSessions("default", backend_name, reason, most=0, keep=0, window=0.0, rate=0.0))
        closed = await worker.closed()
        assert closed["reason"] == reason
        assert checksum(await read_to_the_reset(client)) == checksum(data[: closed["received_bytes"]])
        await until(lambda: worker.descriptors == before)


async def test_a_worker_that_is_told_to_stop_does_not_wait_for_a_client_that_reads_nothing(worker: Worker) -> None:
    async with route(worker, kernel_buffer=SMALL_BUFFER) as way:
        client, backend = await way.session(receive_buffer=SMALL_BUFFER)
        await fill(backend)
        assert await worker.stop() == 0
        assert await client.was_reset()


async def test_a_client_that_has_sent_and_broken_off_while_it_waited_for_a_place_is_heard(worker: Worker) -> None:
    async with route(worker, max_connections=1, queue_size=5, queue_timeout=20.0) as way:
        first, first_backend = await way.session()
        last_word, silent = await way.client(), await way.client()
        await say(last_word, b"bye")
        await until(lambda: worker.active == 3)
        silent_name = f"127.0.0.1:{silent.port}"
        last_word.reset()
        silent.reset()
        assert (await worker.closed(client=silent_name))["reason"] == "client_reset"
        first.close()
        first_backend.close()
        with await way.backend.accept() as backend:
            assert await read_to_the_reset(backend) == b"bye"


async def test_a_client_that_has_sent_and_broken_off_during_the_dial_is_heard(worker: Worker) -> None:
    async with blackhole() as silent:
        with listening() as alive:
            worker.add_pool(connect_timeout=0.3)
            worker.set_backends([silent, alive.backend(backup=True)])
            client = await connect(await worker.add_listener())
            await say(client, b"bye")
            client.reset()
            with await alive.accept() as backend:
                assert await read_to_the_reset(backend) == b"bye"
            assert (await worker.closed())["reason"] == "client_reset"


async def test_what_backends_say_before_they_are_asked_is_heard_though_they_break_off(worker: Worker) -> None:
    async def turn_away(peer: Peer) -> None:
        await peer.send(GREETING)
        peer.reset()

    async with serving(turn_away) as backend:
        worker.add_pool()
        worker.set_backends([backend.backend()])
        port = await worker.add_listener()
        with stopped(worker):  # it dials for all at once, and hears the first when it has dialled the last
            clients = [await connect(port) for _ in range(50)]
        for client in clients:
            with client:
                assert await read_to_the_reset(client) == GREETING
        await until(lambda: len(worker.events("session_closed", reason="backend_reset", attempts=1)) == 50)
