"""Bytes both ways through a worker: half-close, resets, backpressure, and what they cost while nothing moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.dataplane.processor import QUIET, processor_time_of_a_second
from tests.dataplane.route import Route, route
from tests.support.peers import Peer, checksum, payload, unread_bytes, until_stalled
from tests.support.waiting import until
from tests.support.worker import Worker, running_worker
from tidegate.core.splice import Splice

SMALL_BUFFER = 64 * 1024
MEBIBYTE = 1 << 20
ENOUGH_TO_STALL = 32 * MEBIBYTE  # more than the kernel buffers on the way from one end to the other


class Ending(Enum):
    """When a speaker ends its stream, and how."""

    FIRST = "an end when all is sent"
    SECOND = "an end when the other one has ended"
    RESET = "a reset when all is sent"


class End(Enum):
    """What the end of a stream looked like to its reader."""

    EOF = "eof"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a speaker does: chunks of bytes to send, its ending, how it reads. Pauses follow each send and read, in seconds.

    It reads when told to, or after `reads_after` seconds at the latest.
    """

    sizes: tuple[int, ...]
    ending: Ending
    pause: float = 0.0
    read_size: int = 256 * 1024
    read_pause: float = 0.0
    reads_after: float | None = 0.0


class Speaker:
    """One end of a session. Sends its data, keeps what it reads, and notes how that ended."""

    def __init__(self, peer: Peer, plan: Plan, seed: int) -> None:
        self.peer, self.plan = peer, plan
        self.data = payload(sum(plan.sizes), seed)
        self.received = bytearray()
        self.end: End | None = None
        self.may_read = asyncio.Event()
        self._send_failed = False
        self.reader = asyncio.create_task(self._read())
        self.writer = asyncio.create_task(self._write())

    async def finish(self) -> None:
        """Wait until all is sent and read, or reset when all is sent."""
        await self.writer
        if self.plan.ending is Ending.RESET:
            await self.reset()
        else:
            await self.reader

    async def stop_writing(self) -> None:
        """Send no more. A send that fails would take the error away that the reader must see."""
        self.writer.cancel()
        await asyncio.gather(self.writer, return_exceptions=True)

    async def reset(self) -> None:
        """Stop everything and break off."""
        self.reader.cancel()
        await asyncio.gather(self.reader, return_exceptions=True)
        await self.stop_writing()
        self.peer.reset()

    async def _write(self) -> None:
        position = 0
        try:
            for size in self.plan.sizes:
                await self.peer.send(self.data[position : position + size])
                position += size
                await asyncio.sleep(self.plan.pause)
            if self.plan.ending is Ending.SECOND:
                await asyncio.shield(self.reader)
            if self.plan.ending is not Ending.RESET:
                self.peer.end()
        except OSError:
            self._send_failed = True

    async def _read(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.plan.reads_after):
                await self.may_read.wait()
        try:
            while data := await self.peer.read(self.plan.read_size):
                self.received += data
                await asyncio.sleep(self.plan.read_pause)
        except ConnectionResetError:
            self.end = End.RESET
        else:
            self.end = End.RESET if self._send_failed else End.EOF


class When(Enum):
    """What a session is busy with when somebody ends it."""

    IDLE = "idle"
    IN_FLIGHT = "data in flight"
    FULL = "all buffers full"


def plan(when: When, ending: Ending, size: int) -> Plan:
    """What a speaker does until that moment."""
    match when:
        case When.IDLE:
            return Plan((), ending)
        case When.IN_FLIGHT:
            return Plan((size,), ending, read_size=16 * 1024, read_pause=0.0005)
        case When.FULL:
            return Plan((size + ENOUGH_TO_STALL,), ending, reads_after=None)


@asynccontextmanager
async def conversation(
    worker: Worker, when: When, client_ends: Ending, backend_ends: Ending
) -> AsyncIterator[tuple[Speaker, Speaker]]:
    """A client and a backend in the middle of it, both with small receive buffers."""
    async with route(worker, kernel_buffer=SMALL_BUFFER) as way:
        client_peer, backend_peer = await way.session(receive_buffer=SMALL_BUFFER)
        await client_peer.send(b"hello")
        assert await backend_peer.read_exactly(5) == b"hello"
        client = Speaker(client_peer, plan(when, client_ends, 4 * MEBIBYTE), 1)
        backend = Speaker(backend_peer, plan(when, backend_ends, 4 * MEBIBYTE + 3), 2)
        if when is When.FULL:
            await until_stalled(client_peer, backend_peer)
            assert not client.writer.done()
            assert not backend.writer.done()
        yield client, backend


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize(
    ("client_ends", "backend_ends", "reasons"),
    [
        pytest.param(Ending.FIRST, Ending.SECOND, {"client_eof"}, id="client"),
        pytest.param(Ending.SECOND, Ending.FIRST, {"backend_eof"}, id="backend"),
        pytest.param(Ending.FIRST, Ending.FIRST, {"client_eof", "backend_eof"}, id="both"),
    ],
)
async def test_after_a_clean_end_every_byte_has_arrived(
    worker: Worker, when: When, client_ends: Ending, backend_ends: Ending, reasons: set[str]
) -> None:
    async with conversation(worker, when, client_ends, backend_ends) as (client, backend):
        client.may_read.set()
        backend.may_read.set()
        await asyncio.gather(client.finish(), backend.finish())
        assert (client.end, backend.end) == (End.EOF, End.EOF)
        assert checksum(backend.received) == checksum(client.data)
        assert checksum(client.received) == checksum(backend.data)
        closed = await worker.closed()
        assert (closed["sent_bytes"], closed["received_bytes"]) == (5 + len(client.data), len(backend.data))
        assert closed["reason"] in reasons


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("breaker_name", ["client", "backend"])
async def test_a_reset_is_passed_on_as_a_reset(worker: Worker, when: When, breaker_name: str) -> None:
    async with conversation(worker, when, Ending.SECOND, Ending.SECOND) as (client, backend):
        breaker, witness = (client, backend) if breaker_name == "client" else (backend, client)
        if when is When.IN_FLIGHT:
            await until(lambda: len(witness.received) > MEBIBYTE)
        await witness.stop_writing()
        await breaker.reset()
        witness.may_read.set()
        await witness.reader
        assert witness.end is End.RESET
        assert breaker.data.startswith(witness.received)
        assert (await worker.closed())["reason"] == f"{breaker_name}_reset"


@pytest.mark.parametrize("breaker_name", ["client", "backend"])
async def test_a_reset_after_a_half_close_is_still_passed_on_as_a_reset(worker: Worker, breaker_name: str) -> None:
    async with route(worker) as way:
        client, backend = await way.session()
        breaker, witness = (client, backend) if breaker_name == "client" else (backend, client)
        witness.end()
        assert await breaker.read() == b""
        breaker.reset()
        assert await witness.was_reset()
        assert (await worker.closed())["reason"] == f"{breaker_name}_reset"


@pytest.mark.parametrize("breaker_name", ["client", "backend"])
async def test_a_reset_of_a_side_that_has_ended_before_breaks_the_session(worker: Worker, breaker_name: str) -> None:
    async with route(worker) as way:
        client, backend = await way.session()
        breaker, witness = (client, backend) if breaker_name == "client" else (backend, client)
        breaker.end()
        assert await witness.read() == b""
        breaker.reset()
        assert (await worker.closed())["reason"] == f"{breaker_name}_reset"
        with pytest.raises(OSError, match=r"Broken pipe|Connection reset"):
            await witness.send(b"to nobody")


@pytest.mark.parametrize("breaker_name", ["client", "backend"])
async def test_a_reset_of_a_sender_is_passed_on_while_its_receiver_does_not_read(worker: Worker, breaker_name: str) -> None:
    async with route(worker, kernel_buffer=SMALL_BUFFER) as way:
        client, backend = await way.session(receive_buffer=SMALL_BUFFER)
        breaker, witness = (client, backend) if breaker_name == "client" else (backend, client)
        await send_until_paused(worker, breaker)
        breaker.reset()
        assert (await worker.closed())["reason"] == f"{breaker_name}_reset"
        assert await witness.was_reset()


@pytest.mark.parametrize("ends_first", ["client", "backend"])
async def test_after_the_end_of_one_side_the_other_direction_keeps_flowing(worker: Worker, ends_first: str) -> None:
    async with route(worker) as way:
        client, backend = await way.session()
        done, talker = (client, backend) if ends_first == "client" else (backend, client)
        done.end()
        assert await talker.read() == b""
        for number in range(200):  # one message at a time, so that each finds a session at rest
            message = payload(1000, number)
            await talker.send(message)
            assert await done.read_exactly(1000) == message
        data = payload(8 * MEBIBYTE)
        sending = asyncio.create_task(talker.send(data))
        assert checksum(await done.read_exactly(len(data))) == checksum(data)
        await sending
        assert worker.active == 1
        talker.end()
        assert await done.read() == b""
        assert (await worker.closed())["reason"] == f"{ends_first}_eof"


def plans() -> st.SearchStrategy[Plan]:
    """Mostly small, sometimes far more than the worker's buffer."""
    sizes = st.one_of(st.integers(1, 10), st.integers(1, 10_000), st.integers(1, 500_000))
    return st.builds(
        Plan,
        sizes=st.lists(sizes, max_size=6).map(tuple),
        ending=st.sampled_from([Ending.FIRST, Ending.FIRST, Ending.SECOND, Ending.RESET]),
        pause=st.sampled_from([0.0, 0.0, 0.001]),
        read_size=st.sampled_from([500, 4096, 65536]),
        read_pause=st.sampled_from([0.0, 0.0001]),
        reads_after=st.sampled_from([0.0, 0.02]),
    )


@pytest.fixture
async def tight_way() -> AsyncIterator[Route]:
    """A route through a worker with a small buffer, between small kernel buffers."""
    async with running_worker(buffer_size=4096) as worker, route(worker, kernel_buffer=SMALL_BUFFER) as way:
        yield way


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(client_plan=plans(), backend_plan=plans())
async def test_every_byte_is_passed_on_once_and_in_order_or_the_session_ends_as_a_reset(
    tight_way: Route, client_plan: Plan, backend_plan: Plan
) -> None:
    assume(not client_plan.ending is backend_plan.ending is Ending.SECOND)  # somebody must end first
    logged = tight_way.worker.events("session_closed")
    client_peer, backend_peer = await tight_way.session(receive_buffer=SMALL_BUFFER)
    await client_peer.send(b"hello")
    assert await backend_peer.read_exactly(5) == b"hello"  # a reset before this could be a failed dial
    client, backend = Speaker(client_peer, client_plan, 1), Speaker(backend_peer, backend_plan, 2)
    await asyncio.gather(client.finish(), backend.finish())
    assert client.data.startswith(backend.received)
    assert backend.data.startswith(client.received)
    resets = {name for name, each in (("client", client_plan), ("backend", backend_plan)) if each.ending is Ending.RESET}
    if not resets:
        assert (client.end, backend.end) == (End.EOF, End.EOF)
        assert checksum(backend.received) == checksum(client.data)
        assert checksum(client.received) == checksum(backend.data)
    elif resets == {"client"}:
        assert backend.end is End.RESET
    elif resets == {"backend"}:
        assert client.end is End.RESET
    lines = await until(lambda: tight_way.worker.events("session_closed")[len(logged) :])
    fates = {f"{name}_reset" for name in resets} or {"client_eof", "backend_eof"}
    assert [line["reason"] in fates for line in lines] == [True]
    client_peer.close()
    backend_peer.close()


@pytest.mark.parametrize("splice", [Splice.ALWAYS, Splice.NEVER])
async def test_bytes_that_wait_for_a_slow_reader_are_counted_like_all_others(splice: Splice) -> None:
    async with running_worker(splice=splice) as worker, route(worker, kernel_buffer=SMALL_BUFFER) as way:
        client, backend = await way.session(receive_buffer=SMALL_BUFFER)
        for sender, reader in ((client, backend), (backend, client)):
            sending = asyncio.create_task(sender.send(payload(4 * MEBIBYTE)))
            await until_stalled(sender)
            await reader.read_exactly(4 * MEBIBYTE)
            await sending
            sender.end()
        line = await worker.closed()
        assert (line["sent_bytes"], line["received_bytes"]) == (4 * MEBIBYTE, 4 * MEBIBYTE)


@pytest.mark.memory
async def test_a_backend_that_reads_nothing_stops_the_senders_and_costs_no_memory_until_it_reads_on(worker: Worker) -> None:
    sessions, size = 20, 12 * MEBIBYTE
    async with route(worker, kernel_buffer=SMALL_BUFFER) as way:
        pairs = [await way.session() for _ in range(sessions)]
        await worker.sessions()
        before = worker.own_memory
        data = payload(size)
        senders = [asyncio.create_task(client.send(data)) for client, _ in pairs]
        await until_stalled(*(client for client, _ in pairs))
        assert not any(sender.done() for sender in senders)
        assert worker.own_memory - before < sessions * 64 * 1024 + MEBIBYTE
        for _, backend in pairs:
            assert checksum(await backend.read_exactly(size)) == checksum(data)
        await asyncio.gather(*senders)
        assert worker.own_memory - before < sessions * 64 * 1024 + MEBIBYTE


async def test_a_hundred_sessions_that_cannot_move_cost_no_processor_time(worker: Worker) -> None:
    async with route(worker, kernel_buffer=SMALL_BUFFER) as way:
        pairs = [await way.session(receive_buffer=SMALL_BUFFER) for _ in range(100)]
        data = payload(ENOUGH_TO_STALL)
        senders = [asyncio.create_task(backend.send(data)) for _, backend in pairs]
        await until_stalled(*(backend for _, backend in pairs))
        assert not any(sender.done() for sender in senders)
        assert await processor_time_of_a_second(worker) < QUIET
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)


@pytest.mark.parametrize("who", ["client", "backend"])
async def test_a_peer_that_has_hung_up_while_its_data_cannot_be_passed_on_costs_no_processor_time(
    worker: Worker, who: str
) -> None:
    async with route(worker, kernel_buffer=SMALL_BUFFER) as way:
        client, backend = await way.session(receive_buffer=SMALL_BUFFER)
        gone, stalled = (client, backend) if who == "client" else (backend, client)
        stalled.end()
        assert await gone.read() == b""
        data = await send_until_paused(worker, gone)
        gone.end()  # both directions of this connection are shut now, and the worker must still read from it
        assert await processor_time_of_a_second(worker) < QUIET
        assert worker.active == 1, worker.log
        assert checksum(await stalled.read_all()) == checksum(data)
        reason = "backend_eof" if who == "client" else "client_eof"
        assert (await worker.closed())["reason"] == reason


async def send_until_paused(worker: Worker, peer: Peer) -> bytes:
    """Send until the worker leaves bytes unread because their receiver is slow, and none with the sender.

    As the kernel finds a little more room now and then, a few chunks more than the first one are left.
    """
    data = bytearray()
    chunks_left = 0
    while chunks_left < 3:
        chunk = payload(16 * 1024, len(data))
        await peer.send(chunk)
        data += chunk
        chunks_left = 0 if await passed_on(worker, len(data)) or not await left_unread(peer) else chunks_left + 1
    await until(lambda: peer.unacknowledged == 0)
    return bytes(data)


async def passed_on(worker: Worker, size: int) -> bool:
    """Whether the worker's only session soon has moved so many bytes one way."""
    for _ in range(5):
        session = (await worker.sessions()).sessions[0]
        if size in (session.sent_bytes, session.received_bytes):
            return True
    return False


async def left_unread(peer: Peer) -> bool:
    """Whether the worker's kernel keeps bytes of this peer for a while."""
    port = int(peer.sock.getpeername()[1])
    for _ in range(20):
        if not unread_bytes(port, peer.port):
            return False
        await asyncio.sleep(0.01)
    return True
