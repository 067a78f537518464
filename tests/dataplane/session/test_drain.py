"""Which sessions the end of a drain closes when."""

import os
import socket
from collections.abc import Iterator

import pytest

from tests.support.options import listener_options, pool_options
from tidegate.core.lifecycle import closing_window
from tidegate.core.splice import Splice
from tidegate.dataplane.accept.listener import Listener
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.relay.context import RelayContext
from tidegate.dataplane.relay.last_bytes import Lingering
from tidegate.dataplane.report.counters import Counters
from tidegate.dataplane.routing.routing_pool import RoutingPool
from tidegate.dataplane.session.drain import DrainInProgress
from tidegate.dataplane.session.session import Session, SessionOwner
from tidegate.link.board import Board
from tidegate.link.messages import ListenerAdded, PoolAdded

BEGUN = 1000.0
WINDOW = closing_window(25.0)  # from 20 s to 24.5 s


class Bench:
    """Sessions of one listener, without a worker."""

    def __init__(self, board: Board) -> None:
        poller, counters = Poller(lambda: None), Counters(board, 0)
        self._owner = SessionOwner()
        self._owner.context, self._owner.lingering = RelayContext(poller, 65536, Splice.NEVER), Lingering(poller)
        pool = RoutingPool(poller, counters, PoolAdded("default", 0, pool_options()), lambda *_: None)
        self._listener = Listener(
            poller, counters, ListenerAdded("default", 0, "default", [], listener_options()), {"default": pool}, []
        )

    def session(self, number: int, active_at: float) -> Session:
        """One whose last byte passed at this moment."""
        with socket.socket() as sock:
            session = Session(self._owner, self._listener, number, sock.fileno(), ("127.0.0.1", number))
        session.active_at = active_at
        return session


@pytest.fixture
def bench() -> Iterator[Bench]:
    board = Board.create(1)
    yield Bench(board)
    os.close(board.descriptor)


def due(drain: DrainInProgress, sessions: list[Session], elapsed: float) -> list[int]:
    """The numbers of those whose turn has come so many seconds after the drain has begun."""
    return [session.number for session in drain.due(sessions, BEGUN + elapsed)]


def test_those_that_have_been_idle_for_longest_are_closed_first_at_an_even_pace(bench: Bench) -> None:
    drain = DrainInProgress(BEGUN, WINDOW)
    sessions = [bench.session(number, active_at) for number, active_at in enumerate([30.0, 10.0, 40.0, 20.0, 0.0, 5.0])]
    assert due(drain, sessions, 19.9) == []
    assert due(drain, sessions, 20.0) == []
    assert due(drain, sessions, 21.6) == [4, 5]
    assert due(drain, sessions, 21.7) == []
    assert due(drain, sessions, 22.3) == [1]
    assert due(drain, sessions, 24.5) == [3, 0, 2]
    assert due(drain, sessions, 25.0) == []


def test_those_that_have_ended_before_the_window_take_no_part_of_it(bench: Bench) -> None:
    drain = DrainInProgress(BEGUN, WINDOW)
    left = [bench.session(number, 0.0) for number in range(2)]
    assert due(drain, [*left, bench.session(2, 0.0)], 10.0) == []
    assert len(due(drain, left, 22.25)) == 1


def test_it_is_over_at_the_end_of_the_window() -> None:
    drain = DrainInProgress(BEGUN, WINDOW)
    assert not drain.is_over(BEGUN + 24.4)
    assert drain.is_over(BEGUN + 24.5)
