"""The event loop of a worker: sockets, timers, and what must not happen when a descriptor gets a new owner."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.handlers import Bugs, Handling, handler
from tidegate.dataplane.loop.handler import CannotGoOnError
from tidegate.dataplane.loop.poller import IN, OUT, Poller
from tidegate.dataplane.wire.interface import EDGES


class Bench:
    """A poller in this process; `bugs` are the exceptions that it met."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.bugs = Bugs()
        self.poller = Poller(self.bugs.note)

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Two connected sockets, closed at the end."""
        ours, theirs = socket.socketpair()
        self._stack.enter_context(ours)
        self._stack.enter_context(theirs)
        return ours, theirs

    def run(self, seconds: float = 0.02) -> None:
        """Work for a while."""
        self.poller.call_later(seconds, self.poller.stop)
        self.poller.run()


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack)


def test_a_handler_that_raises_cleans_up_and_the_others_are_called(bench: Bench) -> None:
    called: list[int] = []

    def broken(_events: int) -> None:
        bench.poller.loop.modify(first.fileno(), 0)
        raise ValueError("a bug")

    def sound(events: int) -> None:
        bench.poller.loop.modify(second.fileno(), 0)
        called.append(events)

    first, second = bench.pair()
    unlucky, lucky = Handling(broken), Handling(sound)
    bench.poller.loop.register(first.fileno(), OUT, unlucky.handler)
    bench.poller.loop.register(second.fileno(), OUT, lucky.handler)
    bench.run()
    assert bench.bugs == ["a bug"]
    assert (unlucky.failures, lucky.failures, called) == (1, 0, [OUT])


def test_a_timer_or_a_call_that_raises_cleans_up_and_the_others_are_called(bench: Bench) -> None:
    called: list[str] = []

    def broken() -> None:
        raise ValueError("a bug")

    def clean_up() -> None:
        called.append("clean up")
        raise ValueError("a bug in it")

    bench.poller.call_later(0, broken, clean_up)
    bench.poller.call_later(0, lambda: called.append("timer"))
    bench.poller.call_soon(broken, clean_up)
    bench.poller.call_soon(broken)
    bench.poller.call_soon(lambda: called.append("call"))
    bench.run()
    assert sorted(bench.bugs) == ["a bug", "a bug", "a bug", "a bug in it", "a bug in it"]
    assert sorted(called) == ["call", "clean up", "clean up", "timer"]


def test_a_bug_after_which_the_worker_cannot_go_on_ends_the_loop(bench: Bench) -> None:
    def broken() -> None:
        raise ValueError("a bug")

    def give_up() -> None:
        raise CannotGoOnError("too bad")

    bench.poller.call_later(0, broken, give_up)
    with pytest.raises(CannotGoOnError, match="too bad"):
        bench.run()
    assert bench.bugs == ["a bug"]


def test_a_socket_closed_within_a_batch_gets_no_event_of_it_and_neither_does_its_successor(bench: Bench) -> None:
    called: list[str] = []
    (first, _), (second, _) = bench.pair(), bench.pair()
    successors: list[socket.socket] = []

    def close_the_other(me: socket.socket, other: socket.socket) -> Callable[[int], None]:
        def callback(_events: int) -> None:
            called.append("first of the batch")
            number = other.fileno()
            bench.poller.loop.close(other.detach())
            successor, peer = bench.pair()
            successors.append(successor)
            assert successor.fileno() != number
            assert peer.fileno() != number
            bench.poller.loop.register(successor.fileno(), IN, handler(lambda _events: called.append("successor")))
            bench.poller.loop.modify(me.fileno(), 0)

        return callback

    bench.poller.loop.register(first.fileno(), OUT, handler(close_the_other(first, second)))
    bench.poller.loop.register(second.fileno(), OUT, handler(close_the_other(second, first)))
    bench.run()
    assert called == ["first of the batch"]
    assert min(first.fileno(), second.fileno()) == -1


def test_an_unregistered_socket_reports_nothing_not_even_a_hang_up_until_it_is_registered_again(bench: Bench) -> None:
    called: list[int] = []
    ours, theirs = bench.pair()

    def ready(events: int) -> None:
        called.append(events)
        bench.poller.loop.close(ours.detach())

    def register_again() -> None:
        assert called == []
        bench.poller.loop.register(ours.fileno(), IN, handler(ready))

    bench.poller.loop.register(ours.fileno(), IN, handler(ready))
    bench.poller.loop.unregister(ours.fileno())
    theirs.close()
    bench.poller.call_later(0.01, register_again)
    bench.run(0.05)
    assert len(called) == 1


def test_a_socket_handed_over_reports_to_its_new_owner_alone(bench: Bench) -> None:
    called: list[str] = []
    ours, _ = bench.pair()

    def new_owner(_events: int) -> None:
        called.append("new")
        bench.poller.loop.close(ours.detach())

    bench.poller.loop.register(ours.fileno(), OUT, handler(lambda _events: called.append("old")))
    bench.poller.loop.hand_over(ours.fileno(), handler(new_owner))
    bench.run()
    assert called == ["new"]


@given(st.lists(st.integers(0, 20), max_size=50))
def test_timers_are_called_once_in_the_order_they_are_due(plan: list[int]) -> None:
    poller = Poller(lambda: None)
    called: list[int] = []
    for number, milliseconds in enumerate(plan):
        poller.call_later(milliseconds / 2000, lambda number=number: called.append(number))  # type: ignore[misc]
    due = {order: when for when, order, *_ in poller._timers}
    poller.call_later(0.02, poller.stop)
    poller.run()
    assert called == sorted(range(len(plan)), key=lambda number: due[number])


def test_what_is_to_be_called_soon_is_called_after_the_events_and_what_it_asks_for_in_the_next_turn(bench: Bench) -> None:
    called: list[str] = []
    ours, _ = bench.pair()

    def ready(_events: int) -> None:
        called.append("event")
        bench.poller.call_soon(soon)

    def soon() -> None:
        called.append("soon")
        if len(called) < 6:
            bench.poller.call_soon(soon)
        else:
            bench.poller.stop()

    bench.poller.loop.register(ours.fileno(), EDGES, handler(ready))
    bench.run(5)
    assert called == ["event", "soon", "soon", "soon", "soon", "soon"]
