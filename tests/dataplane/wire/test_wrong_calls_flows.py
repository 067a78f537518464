"""Wrong calls of flows: each says so, and none reads or writes what is not its own."""

import copy
import errno
import os
import select
import socket
import sys
from contextlib import suppress
from typing import Any

import pytest

from tests.dataplane.wire.bench import BEYOND, BUFFER, REASONS, Bench, Direction, Handler, Owner
from tidegate.core.reasons import CloseReason
from tidegate.dataplane.wire.interface import BLOCKED, EDGES, READING, SOURCE_ENDED, STOPPED


def test_a_flow_that_no_loop_has_made_cannot_be(wire: Any, bench: Bench) -> None:
    if not wire.__name__.endswith("native"):
        pytest.skip("Python's classes can always be called")
    for make in (
        wire.Flow,
        lambda: wire.Flow.__new__(wire.Flow).ready(1),
        lambda: copy.copy(bench.loop.flows(Owner(), 0, 1)[0]).move(0, 1),
        lambda: wire.Flow(bench.loop),
    ):
        with pytest.raises((TypeError, AttributeError, OSError)):
            make()


def test_flows_of_the_wrong_type_are_refused(bench: Bench) -> None:
    flow, _ = bench.loop.flows(Owner(), 0, 1)
    for flows in ((None, None), (flow, None), (None, flow), (1, 2), (flow, object())):
        with pytest.raises((TypeError, AttributeError)):
            bench.loop.end_in_order(*flows)
        with pytest.raises((TypeError, AttributeError)):
            bench.loop.relay(*flows)


def test_flows_do_nothing_after_they_are_stopped(bench: Bench) -> None:
    owner = Owner()
    to_backend, to_client, outer, _ = bench.relay(owner)
    bench.loop.modify(to_backend.source, EDGES)
    to_backend.stop()
    to_client.stop()
    to_backend.stop()
    assert (to_backend.source, to_backend.sink, to_backend.reverse, to_backend.state) == (-1, -1, None, STOPPED)
    outer.send(b"x")
    for _ in range(2):
        bench.turn()
    to_backend.ready(EDGES)
    to_backend.move(0, False)
    assert owner.ends
    to_backend.end_source()
    to_backend.send_without_delay()
    to_backend.give_up()
    with pytest.raises((ValueError, OSError)):
        bench.loop.end_in_order(to_backend, to_client)
    with pytest.raises((ValueError, OSError)):
        bench.loop.relay(to_backend, to_client)
    assert "splice" not in bench.asked


def test_a_session_that_ends_within_its_own_event_is_there_until_the_end_of_it(bench: Bench) -> None:
    alive: list[Any] = []

    def end() -> None:
        to_backend, to_client = alive.pop(), alive.pop()
        bench.loop.end_in_order(to_backend, to_client)
        del to_backend, to_client

    def start() -> socket.socket:
        owner = Owner(end)
        to_backend, to_client, outer, inner = bench.relay(owner)
        alive.extend((to_client, to_backend))
        inner.shutdown(socket.SHUT_WR)
        return outer

    outer = start()  # nothing but the loop knows the flows and their owner afterwards
    bench.turn()
    outer.close()
    bench.turn()
    assert not alive


@pytest.mark.parametrize("state", [READING, BLOCKED, SOURCE_ENDED, STOPPED, 77, -5])
@pytest.mark.parametrize("events", [0, 1, 0xFFFFFFFF, select.EPOLLERR, select.EPOLLPRI, select.EPOLLOUT])
def test_a_flow_takes_any_events_in_any_state(bench: Bench, state: int, events: int) -> None:
    to_backend, to_client, outer, _ = bench.relay(Owner())
    outer.send(b"bytes")
    to_backend.state = state
    to_client.ready(events)
    to_backend.ready(events)
    to_backend.reverse = None
    to_backend.ready(events)


def test_what_a_flow_cannot_have_is_refused(bench: Bench, wire: Any) -> None:
    flow, _ = bench.loop.flows(Owner(), 0, 1)
    if not wire.__name__.endswith("native"):
        pytest.skip("Python's attributes take anything")
    for name in ("moved", "spliced", "state", "short_reads_left"):
        for value in (BEYOND, None, "1"):
            with pytest.raises((TypeError, OverflowError)):
                setattr(flow, name, value)
    for name in ("owner", "source", "sink", "reasons", "direction"):
        with pytest.raises(AttributeError):
            setattr(flow, name, 1)
    with pytest.raises(TypeError):
        flow.reverse = object()
    for hints in (-1, BEYOND, None):
        with pytest.raises((TypeError, OverflowError)):
            flow.move(hints, False)


def test_what_a_direction_does_with_the_loop_changes_no_byte_of_a_flow(bench: Bench) -> None:
    """It is made and asked while a flow has bytes in the buffer that all flows share."""
    rests: list[bytes] = []
    made: list[Any] = []

    def direction(flow: Any) -> Direction:
        made.append(flow)
        if len(made) == 1:
            other.send(b"y" * BUFFER)
            to_other.move(0, False)
            bench.loop.configure(4, direction, REASONS, REASONS, always_splices=False)
        return bench.direction(flow)

    def note(flow: Any, name: str, *arguments: Any) -> None:
        if name == "go_on" and flow is to_backend:
            rests.append(arguments[1])

    bench.then = note
    to_other, _, other, _ = bench.relay(Owner())
    to_backend, _, outer, inner = bench.relay(Owner())
    bench.loop.configure(BUFFER, direction, REASONS, REASONS, always_splices=False)
    outer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    peer = socket.socket(fileno=os.dup(to_backend.sink))
    with peer, suppress(BlockingIOError):
        while True:
            peer.send(b"z" * BUFFER)
    outer.send(b"x" * BUFFER)
    bench.turn()
    assert rests == [b"x" * BUFFER]
    assert inner.recv(1) == b"z"


@pytest.mark.parametrize("name", ["flush", "source_broke", "keep_urgent", "go_on", "release", "splice"])
def test_a_direction_may_stop_its_flow_or_raise_whatever_it_is_asked(bench: Bench, name: str) -> None:
    def stop_or_raise(flow: Any, asked: str, *_: Any) -> bool:
        if asked == name and flow.reverse is not None:
            flow.reverse.reverse = flow.reverse = None
            flow.stop()
            raise ValueError("a bug")
        return False

    bench.then = stop_or_raise
    to_backend, to_client, outer, inner = bench.relay(Owner())
    assert to_backend.direction is not to_client.direction
    to_client.state = BLOCKED if name == "flush" else READING
    to_backend.short_reads_left = int(name == "splice")
    inner.send(b"x")
    outer.send(b"x" * BUFFER)
    bench.turn()
    for events in (select.EPOLLERR, select.EPOLLPRI | select.EPOLLIN, select.EPOLLOUT, select.EPOLLIN):
        for flow in (to_backend, to_client):
            with suppress(ValueError):
                flow.ready(events)
    with suppress(ValueError):
        to_backend.give_up()
    assert name in bench.asked


def test_flows_on_what_is_no_socket_end_with_an_error_that_is_reported(bench: Bench) -> None:
    owner = Owner()
    folder = os.open("/", os.O_RDONLY)
    backend, _ = bench.pair()
    bench.loop.register(backend.fileno(), EDGES, Handler())
    flows = bench.loop.flows(owner, folder, backend.fileno())
    with pytest.raises(OSError, match=os.strerror(errno.EPERM)):  # of epoll
        bench.loop.relay(*flows)
    os.close(folder)
    assert owner.ends == [CloseReason.CLIENT_RESET]


def test_many_flows_leave_no_reference_behind(bench: Bench) -> None:
    owner = Owner()
    watched = (owner, REASONS, bench.loop)
    before = [sys.getrefcount(one) for one in watched]
    for _ in range(20):
        (client, _), (backend, _) = bench.pair(), bench.pair()
        flows = bench.loop.flows(owner, client.fileno(), backend.fileno())
        for flow in flows:
            assert flow.direction is not None
            assert flow.reasons == REASONS
            flow.ready(0)
            flow.stop()
        del flows, flow
    assert [sys.getrefcount(one) for one in watched] == before
