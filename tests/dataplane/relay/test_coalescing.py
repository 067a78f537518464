"""Fast streams wait until much has come, nothing waits for long, and no other stream waits at all."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dataplane.congestion import PACES_IF_ASKED, algorithm
from tests.dataplane.route import route
from tests.support.handlers import Bugs, handler
from tests.support.peers import Peer, checksum, payload
from tests.support.worker import running_worker
from tidegate.core.reasons import CloseReason
from tidegate.core.splice import Splice
from tidegate.dataplane.loop.poller import IN, Poller
from tidegate.dataplane.relay.coalescing import FAST_BYTES, FAST_SECONDS, TICK, Coalescing, Stream
from tidegate.dataplane.relay.context import RelayContext
from tidegate.dataplane.relay.pacing import PACES
from tidegate.dataplane.relay.pipes import Pipes
from tidegate.dataplane.wire.interface import EDGES

PIECE = FAST_BYTES // 16
MUCH = Pipes().room
LONGEST = 10.0  # seconds; on a slow machine what takes milliseconds may take long


class Flow:
    """A stream, the socket that it is taken from, the one that sends to it, and how often it was reported to have bytes."""

    def __init__(self, coalescing: Coalescing, stack: ExitStack) -> None:
        self.source, self.sender = connection(stack)
        self.stream = Stream(coalescing, self.source.fileno())
        self.reports = 0

    def run_fast(self) -> None:
        """Take as much, as fast, as a fast stream gives, until it waits."""
        deadline = monotonic() + LONGEST
        while self.waits_for == 1 and monotonic() < deadline:
            self.stream.took(PIECE, 0)

    @property
    def waits_for(self) -> int:
        """So many bytes have to come before the kernel reports any."""
        return waits_for(self.source)

    def ready(self, events: int) -> None:
        self.reports += bool(events & IN)


def connection(stack: ExitStack) -> tuple[socket.SocketType, socket.SocketType]:
    """Both ends of one, closed at the end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = stack.enter_context(socket.create_connection(server.getsockname()))
        theirs = stack.enter_context(server.accept()[0])
    return ours, theirs


def waits_for(sock: socket.SocketType) -> int:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


class Bench:
    """A poller in this process and flows over it; `bugs` are the exceptions that it met. Runs once."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.bugs = Bugs()
        self.poller = Poller(self.bugs.note)
        self.pipes = Pipes()
        self.coalescing = Coalescing(self.poller, self.pipes)
        stack.callback(self.poller.loop.end)

    def flow(self) -> Flow:
        flow = Flow(self.coalescing, self._stack)
        self.poller.loop.register(flow.source.fileno(), EDGES, handler(flow.ready))
        return flow

    def run_until(self, done: Callable[[], bool]) -> None:
        """Work until then, at the latest after LONGEST."""
        deadline = monotonic() + LONGEST

        def look() -> None:
            if done() or monotonic() > deadline:
                self.poller.stop()
            else:
                self.poller.call_later(TICK / 4, look)

        look()
        self.poller.run()
        assert done()

    def nothing_waits(self) -> bool:
        return not self.coalescing._waiting and not self.coalescing._ticks


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack)


def test_a_fast_stream_waits_until_much_has_come(bench: Bench) -> None:
    flow = bench.flow()
    flow.stream.took(FAST_BYTES - 1, 0)
    assert flow.waits_for == 1
    flow.run_fast()
    assert flow.waits_for == MUCH


def test_when_many_more_streams_come_a_fast_stream_waits_for_less(bench: Bench) -> None:
    flow = bench.flow()
    flow.run_fast()
    for _ in range(1000):
        bench.pipes.count_stream()

    def waits_for_less() -> bool:
        flow.stream.took(1, 0)
        return flow.waits_for == bench.pipes.room

    assert bench.pipes.room < MUCH
    bench.run_until(waits_for_less)


def test_what_has_come_without_being_much_is_reported_soon(bench: Bench) -> None:
    flow = bench.flow()
    flow.run_fast()
    flow.sender.sendall(b"the rest")
    bench.run_until(lambda: flow.reports == 1)
    assert flow.waits_for == 1


def test_a_stream_that_the_other_side_answers_does_not_wait(bench: Bench) -> None:
    flow = bench.flow()
    for answered in range(10 * FAST_BYTES // PIECE):
        flow.stream.took(PIECE, answered)
        assert flow.waits_for == 1


def test_a_slow_stream_does_not_wait(bench: Bench) -> None:
    flow = bench.flow()
    flow.stream.took(FAST_BYTES - PIECE, 0)
    began = monotonic()
    bench.run_until(lambda: monotonic() > began + FAST_SECONDS)
    flow.stream.took(PIECE, 0)
    assert flow.waits_for == 1


def test_an_answer_ends_the_wait_at_once(bench: Bench) -> None:
    flow = bench.flow()
    flow.run_fast()
    flow.stream.took(PIECE, 1)
    assert flow.waits_for == 1
    assert not bench.coalescing._waiting


def test_a_stream_that_goes_on_waits_again_unless_it_has_been_answered(bench: Bench) -> None:
    going_on, answered = bench.flow(), bench.flow()
    for flow in (going_on, answered):
        flow.run_fast()
    bench.run_until(bench.nothing_waits)
    assert (going_on.waits_for, answered.waits_for) == (1, 1)
    going_on.stream.took(PIECE, 0)
    answered.stream.took(PIECE, 1)
    assert (going_on.waits_for, answered.waits_for) == (MUCH, 1)


def test_a_stream_that_has_ended_is_left_alone(bench: Bench) -> None:
    flow = bench.flow()
    flow.run_fast()
    flow.stream.stop()
    flow.source.close()
    bench.run_until(bench.nothing_waits)
    assert bench.bugs == []


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 10)), max_size=30))
def test_whatever_comes_and_ends_nothing_waits_for_ever_and_the_clock_stops(
    plan: list[tuple[int, bool, int]],
) -> None:
    with ExitStack() as stack:
        bench = Bench(stack)
        flows = [bench.flow() for _ in range(3)]
        left = len(plan)

        def act(flow: Flow, *, ends: bool) -> None:
            nonlocal left
            left -= 1
            flow.stream.stop() if ends else flow.run_fast()

        for number, ends, tick in plan:
            bench.poller.call_later(tick * TICK / 2, partial(act, flows[number], ends=ends))
        bench.run_until(lambda: not left and bench.nothing_waits())
        stopped = {number for number, ends, _ in plan if ends}
        assert [flow.waits_for for number, flow in enumerate(flows) if number not in stopped] == [1] * (3 - len(stopped))
        assert bench.bugs == []
        assert bench.poller._timers == []


class Both:
    """Who owns the relay of a test; it keeps what the relay ends with."""

    def __init__(self) -> None:
        self.reasons: list[CloseReason] = []

    def backend_ended(self) -> None: ...

    def end(self, reason: CloseReason) -> None:
        self.reasons.append(reason)


@pytest.mark.parametrize("download", [True, False])
def test_a_relay_collects_its_fast_streams_until_it_stops_and_does_not_leave_their_sinks_to_pacing(
    *, download: bool
) -> None:
    with ExitStack() as stack:
        bench = Bench(stack)
        context = RelayContext(bench.poller, 65536, Splice.ALWAYS)
        (client, outer), (backend, inner) = connection(stack), connection(stack)
        sender, receiver = (inner, outer) if download else (outer, inner)
        source, sink = (backend, client) if download else (client, backend)
        for sock in (client, outer, backend, inner):
            sock.setblocking(False)
            if PACES_IF_ASKED:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, PACES)
        bench.poller.loop.register(backend.fileno(), EDGES, handler())
        flows = bench.poller.loop.flows(Both(), client.fileno(), backend.fileno())
        bench.poller.loop.relay(*flows)
        data = memoryview(bytes(1 << 20))
        waits: list[int] = []

        def send_and_receive() -> bool:
            with suppress(BlockingIOError):
                sender.send(data)
            with suppress(BlockingIOError):
                receiver.recv(1 << 20)
            waits.append(waits_for(source))
            return MUCH in waits

        bench.run_until(send_and_receive)
        for flow in flows:
            flow.stop()
        assert not context.coalescing._waiting
        assert set(waits) == {1, MUCH}
        assert waits_for(sink) == 1
        assert algorithm(sink) != PACES
        assert not PACES_IF_ASKED or algorithm(source) == PACES


@pytest.mark.parametrize("splice", [Splice.ADAPTIVE, Splice.ALWAYS])
async def test_what_follows_a_fast_stream_arrives_byte_for_byte_while_the_connection_stays_open(splice: Splice) -> None:
    async with running_worker(splice=splice) as worker, route(worker) as way:
        client, backend = await way.session()
        for sender, receiver in ((client, backend), (backend, client)):
            for size in (4 * FAST_BYTES, 1, 100, MUCH - 1, MUCH + 17, 2 * FAST_BYTES + 1, 5):
                await transfer(sender, receiver, size)
        both = transfer(client, backend, 4 * FAST_BYTES), transfer(backend, client, 4 * FAST_BYTES)
        await asyncio.gather(*both)


async def test_the_end_of_a_fast_stream_is_passed_on_with_all_that_came_before() -> None:
    data = payload(4 * FAST_BYTES + 12_345)
    async with running_worker(splice=Splice.ADAPTIVE) as worker, route(worker) as way:
        client, backend = await way.session()

        async def send() -> None:
            await client.send(data)
            client.end()

        received, _ = await asyncio.gather(backend.read_all(), send())
        assert checksum(received) == checksum(data)


async def test_a_fast_stream_that_is_broken_off_leaves_nothing_behind() -> None:
    async with running_worker(splice=Splice.ADAPTIVE) as worker, route(worker) as way:
        for _ in range(10):
            client, backend = await way.session()
            sending = asyncio.create_task(client.send(bytes(32 * FAST_BYTES)))
            await backend.read_exactly(3 * FAST_BYTES)
            backend.reset()
            with pytest.raises(ConnectionError):
                await sending
        await transfer(*await way.session(), 4 * FAST_BYTES)
    assert [line for line in worker.log if line["event"] == "internal_error"] == []


async def transfer(sender: Peer, receiver: Peer, size: int) -> None:
    data = payload(size)
    sending = asyncio.create_task(sender.send(data))
    assert checksum(await receiver.read_exactly(size)) == checksum(data)
    await sending
