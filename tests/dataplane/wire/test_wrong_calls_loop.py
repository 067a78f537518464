"""Wrong calls of a loop: each says so, and none reads or writes what is not its own."""

import errno
import fcntl
import math
import os
import select
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.dataplane.wire.bench import BEYOND, BUFFER, HUGE, REASONS, Bench, Direction, Handler, Owner
from tidegate.dataplane.wire.interface import EDGES

NO_NUMBERS: list[Any] = [None, "1", [], BEYOND, -BEYOND]
WRONG = (TypeError, ValueError, OverflowError, AttributeError, OSError)


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_what_is_no_descriptor_is_refused(bench: Bench, number: Any) -> None:
    loop, handler = bench.loop, Handler()
    calls: list[Callable[[], Any]] = [
        lambda: loop.register(number, EDGES, handler), lambda: loop.modify(number, EDGES), lambda: loop.unregister(number),
        lambda: loop.hand_over(number, handler), lambda: loop.close(number), lambda: loop.close_in_order(number),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(WRONG):
            call()


@pytest.mark.parametrize("descriptor", [-1, -HUGE, HUGE, HUGE // 2 + 1])
def test_a_descriptor_that_is_not_open_is_refused(bench: Bench, descriptor: int) -> None:
    loop, handler = bench.loop, Handler()
    calls: list[Callable[[], Any]] = [
        lambda: loop.register(descriptor, EDGES, handler), lambda: loop.modify(descriptor, EDGES),
        lambda: loop.unregister(descriptor), lambda: loop.hand_over(descriptor, handler), lambda: loop.close(descriptor),
        lambda: loop.close_in_order(descriptor),
        lambda: loop.relay(*loop.flows(Owner(), descriptor, descriptor)),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises((OSError, ValueError)):
            call()


def test_a_descriptor_that_is_closed_twice_is_reported_and_the_others_are_closed(bench: Bench) -> None:
    descriptors = [fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 910 + 10 * n) for n in range(3)]

    def close_all(_events: int) -> None:
        bench.loop.close(ours.detach())
        for descriptor in (descriptors[0], *descriptors):
            bench.loop.close(descriptor)

    ours, _ = bench.pair()
    bench.loop.register(ours.fileno(), select.EPOLLOUT, Handler(close_all))
    bench.loop.wait(1)
    bench.loop.dispatch()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF) + "|not open"):
        bench.loop.finish()
    for descriptor in descriptors:
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            os.fstat(descriptor)
    bench.turn()


def test_events_without_a_handler_are_refused(bench: Bench, wire: Any) -> None:
    ours, _ = bench.pair()
    calls: list[Callable[[], Any]] = [
        lambda: bench.loop.register(ours.fileno(), EDGES, None),
        lambda: bench.loop.hand_over(ours.fileno(), None),
        lambda: bench.loop.dial(wire.Target("127.0.0.1", 1), (), None),
        lambda: bench.loop.flows(None, ours.fileno(), ours.fileno()),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        bench.loop.modify(ours.fileno(), EDGES)  # it is not watched


def test_only_a_registered_descriptor_is_handed_over(bench: Bench) -> None:
    (ours, _), (other, _) = bench.pair(), bench.pair()
    bench.loop.register(ours.fileno(), select.EPOLLIN, Handler())
    with pytest.raises(ValueError, match="not a registered descriptor"):
        bench.loop.hand_over(other.fileno(), Handler())
    with pytest.raises(ValueError, match="not a registered descriptor"):
        bench.loop.relay(*bench.loop.flows(Owner(), ours.fileno(), other.fileno()))


def test_a_time_that_is_no_number_is_refused_and_does_not_wait_forever(bench: Bench) -> None:
    for seconds in (math.nan, None, "1", b""):
        with pytest.raises((TypeError, ValueError)):
            bench.loop.wait(seconds)
    ours, _ = bench.pair()
    bench.loop.register(ours.fileno(), select.EPOLLOUT, Handler())
    for seconds in (math.inf, -math.inf, 1e300, -1e300, 5e-324, sys.maxsize, True):
        assert bench.loop.wait(seconds) > 0


def test_a_handler_that_waits_works_off_or_finishes_is_told_so_and_the_batch_goes_on(bench: Bench) -> None:
    (first, _), (second, _) = bench.pair(), bench.pair()
    calls = {"wait": lambda: bench.loop.wait(0), "dispatch": bench.loop.dispatch, "finish": bench.loop.finish}
    called: list[str] = []

    def reenter(_events: int) -> None:
        for name, call in calls.items():
            try:
                call()
            except RuntimeError:
                called.append(name)

    for sock in (first, second):
        bench.loop.register(sock.fileno(), select.EPOLLOUT | select.EPOLLET, Handler(reenter))
    bench.turn()
    assert called == [*calls] * 2
    assert not bench.bugs


def test_a_batch_is_handed_out_once_and_finished_before_the_next(bench: Bench) -> None:
    ours, _ = bench.pair()
    called: list[int] = []
    bench.loop.register(ours.fileno(), select.EPOLLOUT, Handler(called.append))
    bench.loop.wait(0)
    bench.loop.dispatch()
    for call in (bench.loop.dispatch, lambda: bench.loop.wait(0)):
        with pytest.raises(RuntimeError):
            call()
    bench.loop.finish()
    bench.loop.finish()
    bench.loop.dispatch()
    bench.loop.finish()
    assert called == [select.EPOLLOUT]


def test_a_handler_that_is_none_or_raises_anything_costs_only_its_own_event(bench: Bench) -> None:
    class Odd:
        ready = None

    called: list[int] = []
    for handler in (Odd(), object(), Handler(lambda _events: 1 // 0), Handler(called.append)):
        ours, _ = bench.pair()
        bench.loop.register(ours.fileno(), select.EPOLLOUT | select.EPOLLET, handler)
    bench.turn()
    assert sorted(type(bug).__name__ for bug in bench.bugs) == ["AttributeError", "TypeError", "ZeroDivisionError"]
    assert called == [select.EPOLLOUT]


def test_what_ends_the_process_passes_and_the_loop_can_be_finished(bench: Bench) -> None:
    def leave(_events: int) -> None:
        bench.loop.close(ours.detach())
        raise SystemExit

    ours, _ = bench.pair()
    bench.loop.register(ours.fileno(), select.EPOLLOUT, Handler(leave))
    bench.loop.wait(0)
    with pytest.raises(SystemExit):
        bench.loop.dispatch()
    bench.loop.finish()
    bench.turn()


def test_a_handler_that_closes_all_descriptors_of_its_batch_and_frees_itself_is_the_last_one_called(bench: Bench) -> None:
    called: list[int] = []
    open_ones = [bench.pair()[0].detach() for _ in range(300)]

    class ClosesAll:
        def ready(self, events: int) -> None:
            called.append(events)
            while open_ones:
                bench.loop.close(open_ones.pop())
            assert "called" in repr(vars(self))  # it is still there

        def failed(self) -> None:
            raise AssertionError

        def __init__(self) -> None:
            self.name = "called"

    for descriptor in open_ones:
        bench.loop.register(descriptor, select.EPOLLOUT, ClosesAll())
    bench.turn()
    bench.turn()
    assert len(called) == 1
    assert not bench.bugs


def test_a_loop_that_has_ended_says_so(bench: Bench) -> None:
    ours, _ = bench.pair()
    bench.loop.end()
    bench.loop.end()
    calls: list[Callable[[], Any]] = [
        lambda: bench.loop.wait(0),
        lambda: bench.loop.register(ours.fileno(), EDGES, Handler()),
        lambda: bench.loop.modify(ours.fileno(), EDGES),
        lambda: bench.loop.unregister(ours.fileno()),
    ]
    for call in calls:
        with pytest.raises((OSError, ValueError)):
            call()
    to_backend, to_client = bench.loop.flows(Owner(), ours.fileno(), ours.fileno())
    with pytest.raises((OSError, ValueError)):
        bench.loop.relay(to_backend, to_client)


def test_a_loop_ends_within_its_own_batch(bench: Bench) -> None:
    called: list[int] = []

    def end(events: int) -> None:
        called.append(events)
        bench.loop.end()

    for _ in range(2):
        bench.loop.register(bench.pair()[0].fileno(), select.EPOLLOUT, Handler(end))
    bench.loop.wait(0)
    bench.loop.dispatch()
    bench.loop.finish()
    assert called == [select.EPOLLOUT] * 2


@pytest.mark.parametrize(
    ("size", "to_backend"),
    [
        (0, REASONS ), (3, REASONS ), (-1, REASONS ), (None, REASONS ), (BEYOND, REASONS ),
        (BUFFER, None ), (BUFFER, () ), (BUFFER, (1, 2, 3) ), (BUFFER, 5 ),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_refused(wire: Any, size: Any, to_backend: Any) -> None:
    loop = wire.Loop(print)
    with pytest.raises((TypeError, ValueError, OverflowError)):
        loop.configure(size, Direction, to_backend, REASONS, always_splices=False)
    with pytest.raises(ValueError, match="not configured"):
        loop.flows(Owner(), 0, 1)
    loop.end()


def test_a_buffer_beyond_all_memory_is_refused_and_the_one_before_stays(bench: Bench) -> None:
    for size in (2**62, sys.maxsize):
        with pytest.raises((MemoryError, OverflowError)):
            bench.loop.configure(size, bench.direction, REASONS, REASONS, always_splices=False)
    *_, outer, inner = bench.relay(Owner())
    outer.send(b"hello")
    bench.turn()
    assert inner.recv(10) == b"hello"


def test_reasons_may_be_any_pair(bench: Bench) -> None:
    bench.loop.configure(BUFFER, bench.direction, [1, 2], "ab", always_splices=False)
    to_backend, to_client = bench.loop.flows(Owner(), 0, 1)
    assert (to_backend.reasons.source_ended, to_backend.reasons.source_broke) == (1, 2)
    assert (to_client.reasons.source_ended, to_client.reasons.source_broke) == ("a", "b")
