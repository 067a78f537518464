"""What a wire does to sockets with fewer calls than usual, and why none of those left out is missed. Over real TCP."""

import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from errno import EAGAIN, ECONNREFUSED
from select import EPOLLIN as IN
from select import EPOLLOUT as OUT
from select import EPOLLPRI as PRI
from select import EPOLLRDHUP as RDHUP
from time import monotonic
from types import ModuleType
from typing import Any

import pytest

from tests.dataplane.wire.bench import Handler
from tests.support.descriptors import open_descriptors
from tidegate.core.reasons import CloseReason
from tidegate.dataplane.relay.context import TO_BACKEND, TO_CLIENT
from tidegate.dataplane.wire.interface import EDGES, SOURCE_ENDED
from tidegate.link.sockets import SESSION_OPTIONS, borrowed

BUFFER = 4096
LONGEST = 10.0


class Relay:
    """A relay of one wire between a client and a backend over loopback, as far as a worker would bring it."""

    def __init__(self, wire: ModuleType, stack: ExitStack) -> None:
        self.wire = wire
        self.loop = wire.Loop(lambda _handler: pytest.fail("a bug"))
        stack.callback(self.loop.end)
        self.loop.configure(BUFFER, lambda _flow: pytest.fail("uncommon"), TO_BACKEND, TO_CLIENT, always_splices=False)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for option in SESSION_OPTIONS:
            listener.setsockopt(*option)
        self.client = stack.enter_context(socket.create_connection(listener.getsockname()))
        self.accepted = wire.accept(listener.fileno())
        self.server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.dialled = self.loop.dial(wire.Target(*self.server.getsockname()), [], self)
        self.events: list[int] = []
        self.reasons: list[CloseReason] = []
        self.run_until(lambda: bool(self.events))
        self.backend = stack.enter_context(self.server.accept()[0])
        self.flows = self.loop.flows(self, self.accepted[0], self.dialled)
        stack.callback(self.close)

    def close(self) -> None:
        if self.flows[0].source >= 0:
            self.loop.end_in_order(*self.flows)

    def ready(self, events: int) -> None:
        self.events.append(events)

    def failed(self) -> None: ...

    def backend_ended(self) -> None: ...

    def end(self, reason: CloseReason) -> None:
        self.reasons.append(reason)
        self.close()

    def run_until(self, done: Any) -> None:
        deadline = monotonic() + LONGEST
        while not done():
            assert monotonic() < deadline
            self.loop.wait(0.01)
            self.loop.dispatch()
            self.loop.finish()

    def send(self, data: bytes) -> None:
        """From the client to the backend."""
        moved = self.flows[0].moved
        self.client.sendall(data)
        self.run_until(lambda: self.flows[0].moved == moved + len(data))
        assert self.backend.recv(len(data), socket.MSG_WAITALL) == data

    @property
    def delays(self) -> bool:
        """Whether Nagle's algorithm is on at the backend's socket."""
        return not option(self.dialled, socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.fixture
def relay(wire: ModuleType) -> Iterator[Relay]:
    with ExitStack() as stack:
        yield Relay(wire, stack)


def option(descriptor: int, level: int, name: int) -> int:
    with borrowed(descriptor) as sock:
        return sock.getsockopt(level, name)


def is_open(descriptor: int) -> bool:
    with suppress(OSError):
        os.fstat(descriptor)
        return True
    return False


def test_an_accepted_socket_neither_blocks_nor_goes_to_child_processes(relay: Relay) -> None:
    descriptor, host, port = relay.accepted
    assert not os.get_blocking(descriptor)
    assert fcntl.fcntl(descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    assert (host, port) == relay.client.getsockname()
    assert not os.get_blocking(relay.dialled)
    assert fcntl.fcntl(relay.dialled, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_a_client_of_ipv4_at_a_socket_of_ipv6_has_an_address_of_ipv4(wire: ModuleType) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, server.getsockname()[1])) as client:
                descriptor, *peer = wire.accept(server.fileno())
                os.close(descriptor)
                assert peer == list(client.getsockname()[:2])


def test_where_no_client_waits_accept_says_so(wire: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        assert wire.accept(server.fileno()) == -EAGAIN


def test_a_first_send_that_fits_a_segment_needs_no_option_and_the_second_one_has_it(relay: Relay) -> None:
    """Nagle's algorithm holds back only what follows on bytes that are not acknowledged yet: not the first segment."""
    relay.loop.relay(*relay.flows)
    relay.send(b"x" * 500)
    assert relay.delays
    relay.send(b"x")
    assert not relay.delays


def test_a_first_send_that_may_take_two_segments_has_the_option(relay: Relay) -> None:
    relay.loop.relay(*relay.flows)
    relay.send(b"x" * 501)
    assert not relay.delays


def test_what_the_client_has_sent_before_the_dial_is_passed_on_without_an_event(relay: Relay) -> None:
    relay.client.sendall(b"early")
    relay.loop.relay(*relay.flows)
    assert relay.backend.recv(5, socket.MSG_WAITALL) == b"early"
    relay.send(b"later")


def test_what_comes_between_the_first_read_and_the_watching_is_reported(relay: Relay) -> None:
    """The client sends while its socket is read: from within the send that passes the first bytes on, as it were."""
    relay.client.sendall(b"x" * 500)
    relay.loop.hand_over(relay.dialled, relay.flows[1])
    relay.flows[0].move(0, False)
    assert relay.backend.recv(500, socket.MSG_WAITALL) == b"x" * 500
    relay.client.sendall(b"between")
    relay.loop.register(relay.accepted[0], EDGES, relay.flows[0])
    relay.run_until(lambda: relay.flows[0].moved == 507)
    assert relay.backend.recv(7, socket.MSG_WAITALL) == b"between"


def test_a_client_that_has_left_before_it_is_watched_ends_the_relay(relay: Relay) -> None:
    relay.client.sendall(b"bye")
    relay.client.shutdown(socket.SHUT_WR)
    relay.loop.relay(*relay.flows)
    relay.run_until(lambda: relay.flows[0].state == SOURCE_ENDED)
    assert relay.backend.recv(3, socket.MSG_WAITALL) == b"bye"
    assert relay.backend.recv(1) == b""
    relay.backend.close()
    relay.run_until(lambda: bool(relay.reasons))
    assert relay.reasons == [CloseReason.CLIENT_EOF]
    assert relay.client.recv(1) == b""


def test_a_flow_that_was_stopped_asks_for_nothing_whatever_is_reported(relay: Relay) -> None:
    relay.loop.relay(*relay.flows)
    relay.close()
    for events in (IN, IN | PRI, IN | OUT | RDHUP, OUT | PRI):
        for flow in relay.flows:
            flow.ready(events)
    assert relay.reasons == []


def test_both_sockets_of_a_session_are_closed_and_no_neighbour(relay: Relay) -> None:
    numbers = sorted([relay.accepted[0], relay.dialled])
    neighbours = [number for number in (numbers[0] - 1, numbers[0] + 1, numbers[1] + 1) if is_open(number)]
    relay.loop.relay(*relay.flows)
    relay.loop.end_in_order(*relay.flows)
    assert not any(map(is_open, numbers))
    assert all(is_open(number) for number in neighbours if number not in numbers)
    assert relay.backend.recv(1) == b""


@pytest.mark.parametrize("apart", [1, 2, -1])
def test_sockets_closed_in_one_batch_are_all_closed_whatever_their_numbers(wire: ModuleType, apart: int) -> None:
    loop = wire.Loop(lambda _handler: None)
    first = os.open("/dev/null", os.O_RDONLY)
    low = max(100, first)
    numbers = [low + 10, low + 10 + apart, low + 20]
    for number in numbers:
        os.dup2(first, number)
    beside = [number for number in range(low + 8, low + 23) if number not in numbers]
    for number in beside:
        os.dup2(first, number)
    loop.dispatch()
    for number in numbers:
        loop.close(number)
    assert all(map(is_open, numbers)), "events of this batch may still name them"
    loop.finish()
    assert not any(map(is_open, numbers))
    assert all(map(is_open, beside))
    for number in (*beside, first):
        os.close(number)
    loop.end()


def test_a_dialled_connection_ends_with_a_reset_unless_it_is_closed_in_order(relay: Relay) -> None:
    relay.loop.close(relay.dialled)
    with pytest.raises(ConnectionResetError):
        relay.backend.recv(1)
    relay.flows[0].stop()
    relay.flows[1].stop()
    os.close(relay.accepted[0])


def test_a_dial_that_is_refused_at_once_or_later_leaves_nothing(wire: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    loop = wire.Loop(lambda _handler: None)
    before = open_descriptors()
    descriptor = loop.dial(wire.Target(*address), [], Handler())
    if descriptor >= 0:
        loop.wait(LONGEST)
        loop.dispatch()
        loop.finish()
        assert wire.peek(descriptor) == -ECONNREFUSED
        loop.close(descriptor)
    else:
        assert descriptor == -ECONNREFUSED
    assert open_descriptors() <= before
    loop.end()


def test_a_dial_sets_the_options_before_it_connects(wire: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        loop = wire.Loop(lambda _handler: None)
        options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        descriptor = loop.dial(wire.Target(*server.getsockname()), options, Handler())
        assert option(descriptor, socket.SOL_SOCKET, socket.SO_RCVBUF) == 16384
        assert option(descriptor, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        with borrowed(descriptor) as sock:
            assert struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)) == (1, 0)
        loop.close(descriptor)
        loop.end()


def test_an_address_with_an_interface_that_is_not_there_is_unreachable(wire: ModuleType) -> None:
    loop = wire.Loop(lambda _handler: None)
    assert loop.dial(wire.Target("fe80::1%absent", 9), [], Handler()) < 0
    loop.end()


def test_bytes_that_are_received_stay_in_the_kernel_only_where_they_are_to_be_kept(wire: ModuleType) -> None:
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        assert wire.receive(one.fileno(), 5, True) == -EAGAIN
        other.send(b"hello, world")
        assert [wire.receive(one.fileno(), most, True) for most in (5, 100)] == [b"hello", b"hello, world"]
        assert wire.receive(one.fileno(), 7, False) == b"hello, "
        assert wire.receive(one.fileno(), 100_000, False) == b"world"
        other.close()
        assert wire.receive(one.fileno(), 5, False) == b""
