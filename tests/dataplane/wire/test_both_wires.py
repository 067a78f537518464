"""The native wire does what the plain one does, whatever comes."""

import re
import socket
import struct
from contextlib import ExitStack, suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.dataplane.wire.wires import WIRES, compared
from tidegate.core.reasons import CloseReason
from tidegate.dataplane.relay.context import TO_BACKEND, TO_CLIENT
from tidegate.dataplane.wire.interface import BLOCKED, EDGES, NEXT_TURN, READING, SOURCE_ENDED, STOPPED

pytestmark = compared
BUFFER = 4096
CELLS = 8

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
counts = st.integers(0, 1 << 62)
hosts = st.one_of(st.ip_addresses().map(str), st.sampled_from(["::ffff:10.0.0.1", "unix:", "unix:/a"]))


def outcome(call: Any, *arguments: Any) -> Any:
    """What a call returns, or the type of what it raises."""
    try:
        return call(*arguments)
    except (IndexError, OverflowError, TypeError, ValueError) as error:
        return type(error)


@given(
    st.tuples(names, counts, names, names, st.none() | names, hosts, st.integers(0, 0xFFFF), counts, counts),
    st.tuples(st.integers(-1, 1 << 50), st.integers(0, 1 << 50), st.integers(0, 99), st.sampled_from(CloseReason)),
    st.sampled_from([b"", b',"zone":"a"', b',"tried":[' + b"1," * 3000 + b"1]"]),
)
def test_a_session_has_the_same_line(names_and_numbers: tuple[Any, ...], times: tuple[Any, ...], rest: bytes) -> None:
    lines = {
        re.sub(
            rb'^{"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"',
            b"",
            wire.session_line(*names_and_numbers, *times, rest),
        )
        for wire in WIRES.values()
    }
    assert len(lines) == 1
    assert lines.pop().startswith(b',"level":"info","event":"session_closed"')


positions = st.integers(-2, CELLS + 1)
counting = st.one_of(
    st.tuples(st.just("one_more"), positions),
    st.tuples(st.just("one_more"), positions, positions),
    st.tuples(st.just("one_less"), positions, positions, positions),
    st.tuples(
        st.just("observe"), positions, st.sampled_from([b"", struct.pack("3d", 0.1, 1, 10)]), st.floats(0, 20), positions
    ),
    st.tuples(st.just("__setitem__"), positions, counts),
)


@given(st.lists(counting, max_size=30))
def test_counting_gives_the_same_numbers(plan: list[tuple[Any, ...]]) -> None:
    boards = {name: memoryview(bytearray(8 * CELLS)).cast("Q") for name in WIRES}
    for board in boards.values():
        board[:] = memoryview(b"\xff\x00\x00\x00\x00\x00\x00\x00" * CELLS).cast("Q")
    answers = {
        name: [outcome(getattr(cells, call), *arguments) for call, *arguments in plan]
        for name, cells in ((name, wire.Cells(boards[name])) for name, wire in WIRES.items())
    }
    assert answers["plain"] == answers["native"]
    assert boards["plain"].tolist() == boards["native"].tolist()


@given(
    st.one_of(
        hosts,
        names,
        names.map("unix:/{}".format),
        st.from_regex(r"(unix:)?[0-9a-f:.%/]{1,20}", fullmatch=True),
        hosts.map("{}%lo".format),
    )
)
def test_the_same_texts_are_addresses(text: str) -> None:
    assert len({str(outcome(lambda wire: bool(wire.Target(text, 1)), wire)) for wire in WIRES.values()}) == 1


def test_both_have_the_same_states() -> None:
    from tidegate.dataplane.wire import native  # type: ignore[attr-defined]  # noqa: PLC0415

    assert native.STATES == (READING, BLOCKED, NEXT_TURN, SOURCE_ENDED, STOPPED)


class Direction:
    """Notes what a flow asks for, and does the least of it."""

    def __init__(self, flow: Any, notes: list[Any]) -> None:
        self._flow, self._notes = flow, notes

    def _note(self, *what: Any) -> None:
        self._notes.append((self._flow.reasons[0], *what))

    def flush(self) -> None:
        self._note("flush")
        self._flow.state = READING

    def source_broke(self, *, cut: bool = False) -> None:
        self._note("source broke", cut)
        self._flow.broken = True
        self._flow.end_source()

    def sink_broke(self, error: int) -> None:
        self._note("sink broke", error)
        self._flow.reverse.direction.source_broke(cut=True)

    def source_ended(self) -> None:
        self._note("source ended")
        self._flow.owner.end(self._flow.reasons[1])

    def keep_urgent(self) -> None:
        self._note("urgent")

    def splice(self) -> bool:
        self._note("splice")
        return False

    def go_on(self, size: int, unsent: bytes, hints: int, more: bool) -> None:  # noqa: FBT001
        self._note("go on", size, unsent, hints, bool(more))
        if size == BUFFER:
            self._flow.short_reads_left = 1
        if unsent:
            self._flow.state = BLOCKED
        elif more:
            self._flow.move(0, True)

    def release(self) -> None:
        self._note("release")


class Relay:
    """Two flows of one wire between socket pairs, whose bytes arrive at once; `notes` has all that they said."""

    def __init__(self, wire: Any, stack: ExitStack, *, always_splices: bool) -> None:
        self.notes: list[Any] = []
        self.loop = wire.Loop(lambda handler: self.notes.append(("bug", type(handler).__name__)))
        stack.callback(self.loop.end)
        self.loop.configure(
            BUFFER, lambda flow: Direction(flow, self.notes), TO_BACKEND, TO_CLIENT, always_splices=always_splices
        )
        self.ends: dict[str, socket.socket] = {}
        ours = []
        for side in ("client", "backend"):
            end, our = socket.socketpair()
            self.ends[side] = stack.enter_context(end)
            for sock in (end, our):
                sock.setblocking(False)
            ours.append(our.detach())
        self.loop.register(ours[1], EDGES, self)
        self.flows = self.loop.flows(self, *ours)
        self.ended = False
        self.loop.relay(*self.flows)

    def ready(self, events: int) -> None:
        self.notes.append(("dial", events))

    def backend_ended(self) -> None:
        self.notes.append("backend ended")

    def end(self, reason: CloseReason) -> None:
        self.notes.append(reason)
        if not self.ended:
            self.ended = True
            self.loop.end_in_order(*self.flows)

    def do(self, side: str, action: str, size: int) -> None:
        """Let one side act, and the loop work until it has nothing more to do."""
        end = self.ends[side]
        with suppress(OSError):
            if action == "send":
                self.notes.append(("sent", end.send(bytes(size))))
            elif action == "read":
                self.notes.append(("read", len(end.recv(size))))
            elif action == "shut":
                end.shutdown(socket.SHUT_WR)
            else:
                end.close()
        for _ in range(4):
            self.loop.wait(0)
            self.loop.dispatch()
            self.loop.finish()
        self.notes.append([(flow.state, flow.moved, flow.short_reads_left, flow.broken) for flow in self.flows])


actions = st.tuples(
    st.sampled_from(["client", "backend"]),
    st.sampled_from(["send", "send", "send", "read", "shut", "close"]),
    st.sampled_from([1, 500, 501, 1023, 1024, BUFFER - 1, BUFFER, 3 * BUFFER, 1 << 20]),
)


@given(st.lists(actions, max_size=25), st.booleans())
def test_flows_ask_for_the_same_and_move_the_same(plan: list[tuple[str, str, int]], always_splices: bool) -> None:  # noqa: FBT001
    notes = []
    for wire in WIRES.values():
        with ExitStack() as stack:
            relay = Relay(wire, stack, always_splices=always_splices)
            for action in plan:
                relay.do(*action)
            if not relay.ended:
                relay.end(CloseReason.DRAIN)
            notes.append(relay.notes)
    assert notes[0] == notes[1]
