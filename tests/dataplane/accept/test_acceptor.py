"""What becomes of a client that a worker cannot take, as when no memory is left."""

import os
import socket
from collections.abc import Iterator

import pytest

from tests.support.options import listener_options, pool_options
from tests.support.peers import connect
from tidegate.dataplane.accept.listener import Acceptor, Listener
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.report.counters import Counters
from tidegate.dataplane.routing.routing_pool import RoutingPool
from tidegate.link.board import Board
from tidegate.link.messages import ListenerAdded, PoolAdded
from tidegate.link.sockets import RESET_ON_CLOSE


def no_memory(*_client: object) -> None:
    raise MemoryError


@pytest.fixture
def acceptor() -> Iterator[Acceptor]:
    """Of a listener for whose clients there is no memory."""
    board = Board.create(1)
    poller, counters = Poller(lambda: None), Counters(board, 0)
    pool = RoutingPool(poller, counters, PoolAdded("default", 0, pool_options()), lambda *_: None)
    listener = Listener(
        poller, counters, ListenerAdded("default", 0, "default", [], listener_options()), {"default": pool}, []
    )
    listener.open(no_memory, lambda _reason: None)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setsockopt(*RESET_ON_CLOSE)
        sock.setblocking(False)
        yield Acceptor(listener, sock)
    os.close(board.descriptor)


async def test_a_client_for_whom_there_is_no_memory_is_reset_and_not_kept(acceptor: Acceptor) -> None:
    with await connect(acceptor.sock.getsockname()[1]) as client:
        with pytest.raises(MemoryError):
            acceptor.accept_some()
        assert await client.was_reset()
