"""Channels over real socket pairs, on both loops (see conftest.py)."""

import asyncio
import os
import socket
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.descriptors import open_descriptors
from tests.support.options import LISTENER
from tests.support.waiting import until
from tidegate.link.channel import MOST_DESCRIPTORS, OUTBOX_LIMIT, Channel
from tidegate.link.codec import decode, encode
from tidegate.link.messages import (
    Drain,
    ListenerAdded,
    Message,
    PoolRemoved,
    Ready,
    Stop,
)

MIB = 1024 * 1024


class End:
    """A channel, and what it has told its owner."""

    def __init__(self, sock: socket.socket, received: Callable[[Message], None] | None = None) -> None:
        self.messages: list[Message] = []
        self.ended = 0
        self.descriptor = sock.fileno()
        self._also = received
        self.channel = Channel(asyncio.get_running_loop(), sock, self._received, self._count_end)

    def _received(self, message: Message) -> None:
        self.messages.append(message)
        if self._also:
            self._also(message)

    def _count_end(self) -> None:
        self.ended += 1

    async def has(self, messages: Sequence[Message]) -> None:
        """Wait for as many messages, which must be these."""
        await until(lambda: len(self.messages) >= len(messages) or self.ended)
        assert self.messages == list(messages)


@contextmanager
def socket_pair(
    *, buffer: int | None = None, kind: socket.SocketKind = socket.SOCK_STREAM
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets, with send buffers of about this size; closed at the end."""
    one, other = socket.socketpair(type=kind)
    with one, other:
        if buffer:
            for sock in (one, other):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        yield one, other


@contextmanager
def link(*, buffer: int | None = None) -> Iterator[tuple[End, End]]:
    """Two channels that talk to each other."""
    with socket_pair(buffer=buffer) as (one, other):
        ends = End(one), End(other)
        try:
            yield ends
        finally:
            for end in ends:
                end.channel.close()


@contextmanager
def half_a_link(
    received: Callable[[Message], None] | None = None,
    *,
    buffer: int | None = None,
    kind: socket.SocketKind = socket.SOCK_STREAM,
) -> Iterator[tuple[End, socket.socket]]:
    """A channel, and the plain socket at its other end, which does not block."""
    with socket_pair(buffer=buffer, kind=kind) as (one, other):
        other.setblocking(False)
        end = End(one, received)
        try:
            yield end, other
        finally:
            end.channel.close()


@contextmanager
def pipes(count: int) -> Iterator[list[int]]:
    """Descriptors that can be told apart: the writing ends of as many pipes."""
    made = [os.pipe() for _ in range(count)]
    try:
        yield [writing for _, writing in made]
    finally:
        for descriptor in (descriptor for pipe in made for descriptor in pipe):
            with suppress(OSError):
                os.close(descriptor)


def inodes(descriptors: Sequence[int]) -> list[int]:
    return [os.fstat(descriptor).st_ino for descriptor in descriptors]


async def turns() -> None:
    """Let the loop call back whatever is ready."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_messages_arrive_in_order_both_ways() -> None:
    down = [PoolRemoved(str(number)) for number in range(500)]
    up = [Ready(str(number)) for number in range(500)]
    with link() as (control, worker):
        for order, event in zip(down, up, strict=True):
            control.channel.send(order)
            worker.channel.send(event)
        await worker.has(down)
        await control.has(up)
        assert control.channel.pending == worker.channel.pending == 0


async def test_messages_of_one_turn_travel_together() -> None:
    messages: list[Message] = [Drain(1.5), PoolRemoved("a"), Stop()]
    with half_a_link(kind=socket.SOCK_SEQPACKET) as (end, peer):  # which keeps what is sent at a time together
        for message in messages:
            end.channel.send(message)
        assert end.channel.pending == sum(len(encode(message)) for message in messages)
        await turns()
        assert list(map(decode, peer.recv(1000).splitlines())) == messages
        assert end.channel.pending == 0


async def test_large_messages_cross_both_ways_at_once_through_small_buffers() -> None:
    messages = [PoolRemoved("a" * 3 * MIB), PoolRemoved("b"), PoolRemoved("ü\n" * MIB), PoolRemoved("d")]
    with link(buffer=16 * 1024) as (control, worker):
        for message in messages:
            control.channel.send(message)
            worker.channel.send(message)
        assert control.channel.pending > 5 * MIB
        await worker.has(messages)
        await control.has(messages)
        assert control.channel.pending == worker.channel.pending == 0
        assert control.ended == worker.ended == 0


async def test_a_peer_that_reads_and_writes_slowly_gets_everything_in_order() -> None:
    messages = [PoolRemoved("a" * 2 * MIB), *(PoolRemoved(str(number)) for number in range(1000)), PoolRemoved("b" * MIB)]
    stream = b"".join(map(encode, messages))
    loop = asyncio.get_running_loop()
    seen = bytearray()

    async def read_slowly(peer: socket.socket) -> None:
        while len(seen) < len(stream):
            seen.extend(await loop.sock_recv(peer, 10_000))
            await asyncio.sleep(0)

    async def write_slowly(peer: socket.socket) -> None:
        for start in range(0, len(stream), 9_999):
            await loop.sock_sendall(peer, stream[start : start + 9_999])
            await asyncio.sleep(0)

    with half_a_link(buffer=64 * 1024) as (end, peer), peer.dup() as reading:
        for message in messages:
            end.channel.send(message)
        await asyncio.gather(read_slowly(reading), write_slowly(peer))
        await end.has(messages)
    assert seen == stream


@given(
    names=st.lists(st.text(max_size=20), max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
async def test_messages_do_not_depend_on_how_the_stream_is_cut(names: list[str], cuts: list[int]) -> None:
    messages = [Ready(name) for name in names]
    stream = b"".join(map(encode, messages))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    with half_a_link() as (end, peer):
        for start, stop in pairwise(places):
            peer.sendall(stream[start:stop])
            await turns()
        await end.has(messages)


async def test_descriptors_arrive_with_their_message_and_in_order() -> None:
    taken: list[list[int]] = []

    def take(message: Message) -> None:
        if isinstance(message, ListenerAdded):
            taken.append(end.channel.take_descriptors())

    with socket_pair(buffer=16 * 1024) as (one, other), pipes(7) as sent:
        end, sender = End(one, take), End(other)
        sender.channel.send(Stop())
        sender.channel.send(ListenerAdded("a", 0, "p", ["1", "2"], LISTENER), sent[:2])
        sender.channel.send(ListenerAdded("b", 1, "p", ["3"], LISTENER), sent[2:3])
        sender.channel.send(PoolRemoved("x" * MIB))
        sender.channel.send(ListenerAdded("y" * MIB, 1, "p", ["4", "5", "6"], LISTENER), sent[3:6])
        sender.channel.send(ListenerAdded("c", 1, "p", ["7"], LISTENER), sent[6:])
        sender.channel.send(Stop())
        await until(lambda: len(end.messages) == 7 or sender.ended)
        groups = (slice(0, 2), slice(2, 3), slice(3, 6), slice(6, 7))
        assert [inodes(group) for group in taken] == [inodes(sent[group]) for group in groups]
        received = [descriptor for group in taken for descriptor in group]
        assert not set(received) & set(sent)
        assert not any(map(os.get_inheritable, received)), "closed on exec"
        end.channel.close()
        sender.channel.close()
        assert inodes(received) == inodes(sent), "who has taken a descriptor owns it"
        for descriptor in received:
            os.close(descriptor)


async def test_a_message_can_carry_as_many_descriptors_as_it_may() -> None:
    with link() as (control, worker), pipes(1) as sent:
        message = ListenerAdded("a", 0, "p", ["a:1"] * MOST_DESCRIPTORS, LISTENER)
        control.channel.send(message, sent * MOST_DESCRIPTORS)
        await worker.has([message])
        received = worker.channel.take_descriptors()
        assert inodes(received) == inodes(sent) * MOST_DESCRIPTORS
        for descriptor in received:
            os.close(descriptor)


async def test_descriptors_may_be_closed_as_soon_as_send_has_returned() -> None:
    """A listener can be removed while its ListenerAdded still waits for a slow worker."""
    with socket_pair(buffer=16 * 1024) as (one, other), pipes(1) as sent:
        end, sender = End(one), End(other)
        inode = inodes(sent)
        sender.channel.send(PoolRemoved("x" * MIB))
        sender.channel.send(ListenerAdded("a", 0, "p", ["1"], LISTENER), sent)
        os.close(sent[0])
        await until(lambda: len(end.messages) == 2 or sender.ended)
        assert not sender.ended, "the link broke because a descriptor was closed"
        received = end.channel.take_descriptors()
        assert inodes(received) == inode
        for descriptor in received:
            os.close(descriptor)
        end.channel.close()
        sender.channel.close()


async def test_nothing_stays_open_of_a_link_that_has_ended() -> None:
    before = open_descriptors()
    for closed_by_peer in (False, True):
        with socket_pair() as (one, other), pipes(3) as sent:
            end, sender = End(one), End(other)
            message = ListenerAdded("a", 0, "p", ["1", "2", "3"], LISTENER)
            sender.channel.send(message, sent)
            await end.has([message])  # and nobody takes the descriptors
            (sender if closed_by_peer else end).channel.close()
            await until(lambda: end.ended + sender.ended)  # noqa: B023
            assert one.fileno() == other.fileno() == -1
    assert open_descriptors() <= before


@pytest.mark.parametrize("unread", [0, 3 * MIB], ids=["nothing-unread", "much-unread"])
@pytest.mark.parametrize("unsent", [0, 3 * MIB], ids=["nothing-unsent", "much-unsent"])
async def test_the_end_is_told_once_when_the_peer_goes(unsent: int, unread: int) -> None:
    with half_a_link() as (end, peer):
        if unsent:
            end.channel.send(PoolRemoved("x" * unsent))
            await turns()
        if unread:
            with suppress(BlockingIOError):
                peer.send(b"x" * unread)
        peer.close()
        await until(lambda: end.ended)
        end.channel.send(Stop())
        end.channel.close()
        await turns()
        assert end.ended == 1
        assert end.messages == []


@pytest.mark.parametrize("size", [1, OUTBOX_LIMIT], ids=["small", "more-than-may-wait"])
async def test_the_end_is_told_once_when_a_send_finds_the_peer_gone(size: int) -> None:
    with half_a_link() as (end, peer):
        peer.close()
        end.channel.send(PoolRemoved("x" * size))
        end.channel.send(Stop())
        await turns()
        assert end.ended == 1


async def test_a_link_that_has_ended_keeps_nothing_of_what_is_sent() -> None:
    with half_a_link() as (end, _):
        end.channel.close()
        before = end.channel.pending
        end.channel.send(PoolRemoved("x" * MIB))
        assert end.channel.pending == before


async def test_a_link_that_is_closed_in_the_turn_of_a_send_sends_nothing_and_keeps_nothing() -> None:
    before = open_descriptors()
    with half_a_link() as (end, peer), pipes(1) as sent:
        end.channel.send(Stop())
        end.channel.send(ListenerAdded("a", 0, "p", ["1"], LISTENER), sent)
        end.channel.close()
        await turns()
        assert peer.recv(1000) == b""
    assert open_descriptors() <= before


async def test_an_idle_link_does_not_wake_the_loop() -> None:
    with half_a_link(buffer=16 * 1024) as (end, peer):
        end.channel.send(PoolRemoved("x" * MIB))
        while end.channel.pending:
            await asyncio.get_running_loop().sock_recv(peer, MIB)
        assert not asyncio.get_running_loop().remove_writer(end.descriptor), "still waits until it can write"


async def test_what_the_peer_said_before_it_went_is_received_first() -> None:
    with half_a_link() as (end, peer):
        peer.sendall(encode(Ready("a")) + encode(Ready("b")) + encode(Ready("c"))[:-3])
        peer.close()
        await until(lambda: end.ended)
        assert end.messages == [Ready("a"), Ready("b")]


async def test_closing_tells_the_peer_and_not_oneself() -> None:
    with link() as (control, worker):
        control.channel.close()
        control.channel.close()
        await until(lambda: worker.ended)
        control.channel.send(Stop())
        await turns()
        assert (control.ended, worker.ended) == (0, 1)
        assert worker.messages == []


async def test_a_receiver_that_closes_hears_no_more() -> None:
    with half_a_link(lambda _message: end.channel.close()) as (end, peer):
        peer.sendall(encode(Stop()) * 3)
        await until(lambda: end.messages)
        await turns()
        assert end.messages == [Stop()]
        assert end.ended == 0


async def test_a_receiver_that_fails_on_a_message_still_hears_the_next_or_that_the_link_has_ended() -> None:
    """Anything else leaves a worker with a snapshot that is not control's, and nobody knows."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context.get("exception")))

    def fail(message: Message) -> None:
        if message == Ready("b"):
            raise RuntimeError("a bug")

    with half_a_link(fail) as (end, peer):
        peer.sendall(b"".join(encode(Ready(name)) for name in "abc"))
        await until(lambda: failures)
        await turns()
        assert end.ended == 1 or end.messages == [Ready("a"), Ready("b"), Ready("c")]


async def test_a_peer_that_reads_nothing_is_as_good_as_gone() -> None:
    size = 8 * MIB
    with half_a_link() as (end, peer):
        message = PoolRemoved("x" * size)
        for _ in range(OUTBOX_LIMIT // size - 1):
            end.channel.send(message)
        await turns()
        assert end.ended == 0
        assert OUTBOX_LIMIT - 2 * size < end.channel.pending <= OUTBOX_LIMIT
        end.channel.send(message)
        end.channel.send(message)
        end.channel.send(message)
        await turns()
        assert end.ended == 1
        await until(lambda: not peer.recv(MIB))


async def test_messages_that_wait_for_a_peer_take_about_as_much_memory_as_they_are_long() -> None:
    with half_a_link() as (end, _):
        tracemalloc.start()
        try:
            while end.channel.pending < MIB:
                end.channel.send(PoolRemoved("x" * 400))
            held, _peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 2 * end.channel.pending


async def test_a_peer_that_reads_again_in_time_is_not_gone() -> None:
    size = 8 * MIB
    with half_a_link() as (end, peer):
        for _ in range(2):
            for _ in range(OUTBOX_LIMIT // size - 1):
                end.channel.send(PoolRemoved("x" * size))
            count = 0
            while end.channel.pending or count % (size + len(encode(PoolRemoved("")))):
                count += len(await asyncio.get_running_loop().sock_recv(peer, 4 * MIB))
        assert end.ended == 0


async def test_a_message_without_descriptors_carries_none() -> None:
    with half_a_link() as (end, peer), pipes(1) as sent:
        end.channel.send(Stop())
        end.channel.send(ListenerAdded("a", 0, "p", ["1"], LISTENER), sent)
        end.channel.send(Stop())
        await turns()
        stop = len(encode(Stop()))
        line, received, _, _ = socket.recv_fds(peer, stop, 4)
        assert (decode(line), received) == (Stop(), [])
        line, received, _, _ = socket.recv_fds(peer, 1000, 4)
        assert isinstance(decode(line), ListenerAdded)
        assert inodes(received) == inodes(sent)
        os.close(received[0])
        assert socket.recv_fds(peer, 1000, 4)[:2] == (encode(Stop()), [])
