"""Last bytes, seen from within a worker: what counts as progress, and how many sockets may wait for them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.support.handlers import Bugs, handler
from tidegate.core.reasons import CloseReason
from tidegate.core.splice import Splice
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.relay.context import RelayContext
from tidegate.dataplane.relay.direction import Direction
from tidegate.dataplane.relay.last_bytes import Lingering, unacknowledged
from tidegate.dataplane.wire import Flow
from tidegate.dataplane.wire.interface import BLOCKED, EDGES
from tidegate.link.sockets import RESET_ON_CLOSE

BUFFER = 256 * 1024
PART = 8 * 1024  # too little to make a full socket writable


class Bench:
    """A poller in this process, and connections over loopback whose peers read only when a test does."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.bugs = Bugs()
        self.poller = Poller(self.bugs.note)

    def unix_connection(self) -> tuple[socket.SocketType, socket.socket]:
        """The worker's end of a Unix socket, and the peer's."""
        end, theirs = socket.socketpair()
        self._stack.enter_context(theirs)
        ours = socket.SocketType(fileno=end.detach())
        self._stack.callback(ours.close)
        ours.setblocking(False)
        return ours, theirs

    def connection(self) -> tuple[socket.SocketType, socket.socket]:
        """The worker's end of a TCP connection, which resets when it is closed, and the peer's."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            ours = socket.SocketType(socket.AF_INET, socket.SOCK_STREAM)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            self._stack.callback(ours.close)
            ours.connect(server.getsockname())
            theirs = self._stack.enter_context(server.accept()[0])
        ours.setblocking(False)
        ours.setsockopt(*RESET_ON_CLOSE)
        return ours, theirs

    def full(self) -> tuple[socket.SocketType, socket.socket]:
        """A connection whose peer has not read all that was sent; registered."""
        ours, theirs = self.connection()
        with suppress(BlockingIOError):
            while True:
                ours.send(bytes(BUFFER))
        self.poller.loop.register(ours.fileno(), EDGES, handler())
        return ours, theirs

    def run_until(self, done: Callable[[], bool]) -> None:
        """Work until that is so. Only once: the poller is closed then."""

        def look() -> None:
            if done():
                self.poller.stop()
            else:
                self.poller.call_later(0.005, look)

        look()
        self.poller.run()


class NoSession:
    """Takes no notice of what becomes of a relay."""

    def backend_ended(self) -> None:
        """Nothing to do."""

    def end(self, reason: CloseReason) -> None:
        """Nothing to do."""


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack)


def is_reset(peer: socket.socket) -> bool:
    """Whether a peer that has read nothing yet is connected no more."""
    state: int = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return state != 1


def test_when_too_many_linger_the_one_that_has_waited_longest_is_reset(bench: Bench) -> None:
    lingering = Lingering(bench.poller)
    lingering.most = 2
    peers = []
    for _ in range(4):
        ours, theirs = bench.full()
        lingering.close(ours.detach())
        peers.append(theirs)
    assert len(lingering.sockets) == 2
    assert [is_reset(peer) for peer in peers] == [True, True, False, False]
    assert not bench.bugs


def blocked_flow(bench: Bench, *, at_unix_socket: bool = False) -> tuple[Flow, Flow, socket.socket]:
    """A flow whose sink takes nothing more, the other flow of the relay, and the peer that does not read."""
    RelayContext(bench.poller, BUFFER, Splice.NEVER)
    client, receiver = bench.unix_connection() if at_unix_socket else bench.connection()
    backend, sender = bench.connection()
    bench.poller.loop.register(backend.fileno(), EDGES, handler())
    to_backend, to_client = bench.poller.loop.flows(NoSession(), client.fileno(), backend.fileno())
    bench.poller.loop.relay(to_backend, to_client)
    sender.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            sender.send(bytes(BUFFER))
    bench.run_until(lambda: to_client.state == BLOCKED)
    return to_client, to_backend, receiver


def test_a_sink_that_is_still_full_is_not_taken_for_one_that_is_broken(bench: Bench) -> None:
    to_client, to_backend, receiver = blocked_flow(bench)
    moved = to_client.moved
    to_client.direction.flush()
    assert (to_client.state, to_client.moved, to_backend.broken) == (BLOCKED, moved, False)
    receiver.setsockopt(*RESET_ON_CLOSE)
    receiver.close()
    to_client.direction.flush()
    assert to_backend.broken, "the connection that the other flow reads from is gone"
    assert not bench.bugs


@pytest.mark.parametrize("at_unix_socket", [False, True], ids=["tcp", "unix"])
def test_what_a_slow_receiver_takes_is_progress_before_there_is_room_for_more(
    bench: Bench,
    at_unix_socket: bool,  # noqa: FBT001
) -> None:
    to_client, _, receiver = blocked_flow(bench, at_unix_socket=at_unix_socket)
    direction = to_client.direction
    assert isinstance(direction, Direction)
    moved, left = to_client.moved, direction.left()
    waiting = unacknowledged(to_client.sink)
    assert waiting
    while unacknowledged(to_client.sink) == waiting:
        receiver.recv(PART)
    assert to_client.moved == moved
    assert 0 < direction.left() != left
    assert not bench.bugs
