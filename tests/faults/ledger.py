"""What the driver saw of every session, held against what the proxy says of it."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final

from tests.faults.entrance import Entrance
from tests.faults.opening import NOTHING, opening
from tests.faults.part import Part
from tests.faults.script import End, Script
from tests.faults.session import BY_CLIENT, IN_ORDER, RESETS, Session, of_line
from tests.support.proxy import Fields

MOST_VIOLATIONS: Final = 50  # that are kept
LONGEST_STALL: Final = 40.0  # seconds in which no byte of a session moves
LONGEST_WITHOUT_LINE: Final = 60.0  # seconds after its end
AFTERMATH: Final = 5.0  # seconds after which what was done to the proxy has no effect any more
KILLED: Final = "killed"  # among close reasons: a worker was killed, and with it last bytes that waited to be acknowledged
FULL: Final = ("rejected", "connect_failed")  # the latter of who finds all others full after a dial that has failed
REASONS: Final = {
    End.CLIENT_EOF: {"client_eof"},
    End.BACKEND_EOF: {"backend_eof"},
    End.BOTH_EOF: {"client_eof", "backend_eof"},
    End.CLIENT_RESET: {"client_reset"},
    End.BACKEND_RESET: {"backend_reset"},
    End.CLIENT_CUTS: {"client_reset"},
    End.BACKEND_CUTS: {"backend_reset"},
    End.IDLE: {"idle_timeout"},
    End.GIVEN_UP: {"client_eof", "client_reset", "backend_eof"},  # a backend may be the first to close
}


class Ledger:
    """All sessions of one proxy. `excused` are the close reasons that what is done to it may cause all the time.

    Sessions may be `rejected` because of these limits.
    """

    def __init__(self, excused: Iterable[str] = (), rejected: Set[str] = frozenset()) -> None:
        self.live: dict[int, Session] = {}
        self.violations: list[str] = []
        self.reasons: Counter[str] = Counter()
        self.caused: Counter[str] = Counter()  # reasons that only what was done to the proxy explains
        self.played = self.connected = self.whole = self.bytes = 0
        self.logged_sent = self.logged_received = 0
        self.queued = 0
        self.rejections: Counter[tuple[str, str]] = Counter()  # by listener and limit
        self.closed: Counter[tuple[str, str]] = Counter()  # by pool and reason
        self._rejected = rejected
        self._excused = Counter([*excused, *(FULL if rejected else ())])
        self._unreachable = False
        self._given_up = 0
        self._by_address: dict[str, deque[Session]] = defaultdict(deque)

    # What the driver sees

    def began(self, script: Script, entrance: Entrance) -> Session:
        """A client is about to connect."""
        first = opening(script.seed) if entrance.routes else NOTHING
        session = self.live[script.seed] = Session(script, entrance, frozenset(+self._excused), first)
        if session.is_refused:
            session.excused |= {"rejected"}
        return session

    def connects(self, session: Session, address: str) -> None:
        """It connects from this address; the proxy may say more of it before the client notices that it is connected."""
        session.address = address
        self._by_address[address].append(session)

    def connect_failed(self, session: Session, error: OSError) -> None:
        """It could not."""
        self.live.pop(session.script.seed, None)
        with suppress(ValueError):
            self._by_address[session.address].remove(session)
        if not self._unreachable:
            self.violation(f"a client could not connect: {error!r}", session)

    def has_connected(self) -> None:
        """One is connected."""
        self.connected += 1
        self.played += 1

    def ended(self, session: Session) -> None:
        """One of its parts is over."""
        if session.is_over and self.live.pop(session.script.seed, None) is not None:
            self._review(session)

    def lost(self, what: str, session: Session | None) -> None:
        """A peer got too few bytes; one that is gone without a word cannot complain."""
        if session is None or not session.is_silenced:
            self.violation(what, session)

    def violation(self, what: str, session: Session | None = None) -> None:
        """Something that must not be."""
        if len(self.violations) < MOST_VIOLATIONS:
            self.violations.append(what if session is None else f"{what}: {session}")

    def stalled(self) -> list[Session]:
        """Sessions of which no byte has moved for too long. Ask about once a second."""
        latest = monotonic() - LONGEST_STALL
        return [session for session in self.live.values() if session.look() < latest and not session.has_ended]

    @property
    def due_lines(self) -> int:
        """How many sessions have ended of which the proxy has not said so yet."""
        return sum(session.has_ended and session.line is None for session in self.live.values())

    def give_up_lines(self) -> None:
        """Wait no longer for the lines of sessions that ended long ago: they are counted, and forgotten."""
        latest = monotonic() - LONGEST_WITHOUT_LINE
        for session in [session for session in self.live.values() if session.has_ended and session.look() < latest]:
            if session.line is None:
                del self.live[session.script.seed]
                self._by_address[session.address].remove(session)
                self._given_up += 1

    # What is done to the proxy

    @contextmanager
    def excusing(self, reasons: Set[str]) -> Iterator[None]:
        """Sessions that live in this block, or a moment after it, may end for these reasons."""
        self._excused.update(reasons)
        for session in self.live.values():
            session.excused |= reasons
        try:
            yield
        finally:
            asyncio.get_running_loop().call_later(AFTERMATH, self._excused.subtract, reasons)

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Nobody listens in this block."""
        self._unreachable = True
        try:
            yield
        finally:
            self._unreachable = False

    def forget(self) -> None:
        """Another proxy: it knows nothing of the sessions before."""
        self.live.clear()
        self._by_address.clear()
        self.reasons.clear()
        self.rejections.clear()
        self.closed.clear()
        self.connected = self.logged_sent = self.logged_received = self._given_up = 0

    # What the proxy says

    def logged(self, line: Fields) -> None:
        """A `session_closed` line."""
        self.reasons[line["reason"]] += 1
        self.logged_sent += line["sent_bytes"]
        self.logged_received += line["received_bytes"]
        if rejected := line.get("rejected"):
            self.rejections[line["listener"], rejected] += 1
        self.closed[line["pool"], line["reason"]] += 1
        waiting = self._by_address.get(line["client"])
        if not waiting:
            self.violation(f"a line of a session that nobody had, or a second line: {line}")
            return
        session = of_line(line, waiting)
        waiting.remove(session)
        if not waiting:
            del self._by_address[line["client"]]
        session.line = line
        self.ended(session)

    @property
    def without_line(self) -> int:
        """Sessions of which the proxy has said nothing, those that live included."""
        return self._given_up + sum(map(len, self._by_address.values()))

    @property
    def heard_without_line(self) -> int:
        """Those of them whose clients have received anything, so that a worker must have known them."""
        waiting = (session for sessions in self._by_address.values() for session in sessions)
        return self._given_up + sum(bool(session.client and session.client.received) for session in waiting)

    def _review(self, session: Session) -> None:
        client, line = session.client, session.line
        assert client is not None
        assert line is not None
        self.bytes += client.sent + client.received
        self.whole += client.whole
        self.queued += client.whole and "queued_ms" in line
        reason, excused = line["reason"], session.excused
        may_break = reason in excused or (KILLED in excused and reason in RESETS) or session.is_silenced
        is_caused = reason not in REASONS[session.script.end]
        self.caused[reason] += is_caused
        if reason == "rejected" and line["rejected"] not in ({"no_route"} if session.is_refused else self._rejected):
            self.violation("a limit that there is not", session)
        elif is_caused and reason not in excused:
            self.violation("an end that nothing has caused", session)
        elif not client.whole and not may_break:
            self.violation("broken off", session)
        elif client.whole and not (may_break or KILLED in excused or _may_lack(session)):
            self.violation("the backend did not get all", session)
        if session.is_misplaced:
            self.violation("a listener, a pool or a backend that it had not", session)
        self._compare_bytes(session, client, line)

    def _compare_bytes(self, session: Session, client: Part, line: Fields) -> None:
        sent, received, backend = line["sent_bytes"], line["received_bytes"], session.backend
        if not client.received <= received or not sent <= client.sent:
            self.violation("the client saw other bytes than were logged", session)
        is_reset = line["reason"] == "backend_reset" and not client.whole
        if is_reset and session.cut not in (None, client.received) and session.script.end not in BY_CLIENT:
            self.violation(f"the client got other bytes than the {session.cut} that were sent before the reset", session)
        if backend is None:
            return
        if not backend.received <= sent or not received <= backend.sent:
            self.violation("the backend saw other bytes than were logged", session)
        if (
            line["reason"] in IN_ORDER
            and client.whole
            and not session.is_silenced
            and (sent, received) != (client.sent, backend.sent)
        ):
            self.violation("other numbers of bytes were logged", session)


def _may_lack(session: Session) -> bool:
    """Whether the backend has got all, or need not: there is none, or it has broken off itself."""
    return session.script.end is End.GIVEN_UP or session.cut is not None or session.backend is None or session.backend.whole
