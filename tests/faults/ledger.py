"""What the driver saw of every session, held against what the proxy says of it."""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic, time
from typing import Final

from tests.faults.part import Part
from tests.faults.script import End, Script
from tests.support.proxy import Fields

MOST_VIOLATIONS: Final = 50  # that are kept
LONGEST_STALL: Final = 40.0  # seconds in which no byte of a session moves
REASONS: Final = {
    End.CLIENT_EOF: {"client_eof"},
    End.BACKEND_EOF: {"backend_eof"},
    End.BOTH_EOF: {"client_eof", "backend_eof"},
    End.CLIENT_RESET: {"client_reset"},
    End.BACKEND_RESET: {"backend_reset"},
    End.GIVEN_UP: {"client_eof", "client_reset", "backend_eof", "rejected"},  # a backend may be the first to close
}
IN_ORDER: Final = {"client_eof", "backend_eof"}


@dataclass(slots=True, eq=False)
class Session:
    """One client's connection. `client` and `backend` are their parts, `line` what the proxy logged."""

    script: Script
    address: str = ""
    moved: tuple[int, float] = (-1, 0.0)  # bytes that its peers had sent and received, and since when
    began_at: float = field(default_factory=time)  # seconds since 1970
    client: Part | None = None
    backend: Part | None = None
    client_ended: bool = False
    backend_ended: bool = False
    is_silenced: bool = False  # a peer is gone without a word, so the proxy may end it as if it were there
    cut: int | None = None  # bytes that a backend had sent when it broke off
    line: Fields | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come: the backend may not have heard of a session that was broken off."""
        if not self.client_ended or self.line is None:
            return False
        return self.backend_ended or (self.backend is None and not self.must_reach_backend)

    @property
    def must_reach_backend(self) -> bool:
        """Whether the proxy says that it has passed all on."""
        return self.script.end is not End.GIVEN_UP and self.line is not None and self.line["reason"] in IN_ORDER

    def unmoved_since(self) -> float:
        """When it was first seen with as many bytes as it has now."""
        size = sum(part.sent + part.received for part in (self.client, self.backend) if part)
        if size != self.moved[0]:
            self.moved = size, monotonic()
        return self.moved[1]

    def fall_silent(self) -> Part | None:
        """Let one of the peers be gone without a word; None when it is over already."""
        part = random.choice([part for part in (self.client, self.backend) if part])
        self.is_silenced = part.fall_silent()
        return part if self.is_silenced else None

    def __str__(self) -> str:
        script = self.script
        parts = " ".join(
            f"{name}: {'none' if part is None else f'sent {part.sent} received {part.received} whole {part.whole}'};"
            for name, part in (("client", self.client), ("backend", self.backend))
        )
        return f"seed {script.seed} {script.end.name} {self.address} {parts} {script.client} {script.backend} {self.line}"


def _of(line: Fields, waiting: Iterable[Session]) -> Session:
    """The session that a line is of; others that came from the same address may wait for lines that were lost."""
    first, *others = waiting
    if not others:
        return first
    began_at = datetime.fromisoformat(line["timestamp"]).timestamp() - line["duration_ms"] / 1000
    return min((first, *others), key=lambda session: abs(session.began_at - began_at))


class Ledger:
    """All sessions of one proxy.

    `excused` are the close reasons that what is done to the proxy may cause. Where workers are `killed`, last bytes before a
    reset may be lost that waited to be acknowledged.
    """

    def __init__(self, excused: Iterable[str] = (), *, killed: bool = False) -> None:
        self._excused = set(excused)
        self._excuses_break = self._excused | ({"client_reset", "backend_reset"} if killed else set())
        self.live: dict[int, Session] = {}
        self.violations: list[str] = []
        self.reasons: Counter[str] = Counter()
        self.played = self.connected = self.whole = self.broken = self.bytes = 0
        self.logged_sent = self.logged_received = 0
        self._unreachable = False
        self._by_address: dict[str, deque[Session]] = defaultdict(deque)

    # What the driver sees

    def began(self, script: Script) -> Session:
        """A client is about to connect."""
        session = self.live[script.seed] = Session(script)
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
        if self._unreachable:
            return
        self.violation(f"a client could not connect: {error!r}", session)

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Nobody listens in this block."""
        self._unreachable = True
        try:
            yield
        finally:
            self._unreachable = False

    def has_connected(self) -> None:
        """One is connected."""
        self.connected += 1
        self.played += 1

    def ended(self, session: Session) -> None:
        """One of its parts is over."""
        if session.is_over and self.live.pop(session.script.seed, None) is not None:
            self._review(session)

    def lost(self, what: str, session: Session | None) -> None:
        """A peer got other bytes, or too few; one that is gone without a word cannot complain."""
        if session is None or not session.is_silenced:
            self.violation(what, session)

    def violation(self, what: str, session: Session | None = None) -> None:
        """Something that must not be."""
        if len(self.violations) < MOST_VIOLATIONS:
            self.violations.append(what if session is None else f"{what}: {session}")

    def stalled(self) -> list[Session]:
        """Sessions of which no byte has moved for too long. Ask about once a second."""
        latest = monotonic() - LONGEST_STALL
        return [session for session in self.live.values() if session.unmoved_since() < latest]

    # What the proxy says

    def logged(self, line: Fields) -> None:
        """A `session_closed` line."""
        self.reasons[line["reason"]] += 1
        self.logged_sent += line["sent_bytes"]
        self.logged_received += line["received_bytes"]
        waiting = self._by_address.get(line["client"])
        if not waiting:
            self.violation(f"a line of a session that nobody had, or a second line: {line}")
            return
        session = _of(line, waiting)
        waiting.remove(session)
        if not waiting:
            del self._by_address[line["client"]]
        session.line = line
        self.ended(session)

    def forget(self) -> None:
        """Another proxy: it knows nothing of the sessions before."""
        self.live.clear()
        self._by_address.clear()
        self.reasons.clear()
        self.connected = self.logged_sent = self.logged_received = 0

    @property
    def without_line(self) -> int:
        """Sessions that ended and of which the proxy has said nothing."""
        return sum(map(len, self._by_address.values()))

    def _review(self, session: Session) -> None:
        client, line = session.client, session.line
        assert client is not None
        assert line is not None
        self.bytes += client.sent + client.received
        if client.whole:
            self.whole += 1
        else:
            self.broken += 1
        if session.is_silenced:
            return
        if line["reason"] not in REASONS[session.script.end] and line["reason"] not in self._excused:
            self.violation("an end that nothing has caused", session)
        elif not client.whole and line["reason"] not in self._excuses_break:
            self.violation("broken off", session)
        self._compare_bytes(session, client, line)

    def _compare_bytes(self, session: Session, client: Part, line: Fields) -> None:
        sent, received, backend = line["sent_bytes"], line["received_bytes"], session.backend
        if not client.received <= received or not sent <= client.sent:
            self.violation("the client saw other bytes than were logged", session)
        if (
            session.cut is not None
            and line["reason"] == "backend_reset"
            and not client.whole
            and client.received != session.cut
        ):
            self.violation(f"the client got other bytes than the {session.cut} that were sent before the reset", session)
        if backend is None:
            return
        if not backend.received <= sent or not received <= backend.sent:
            self.violation("the backend saw other bytes than were logged", session)
        if line["reason"] in IN_ORDER and client.whole and (sent, received) != (client.sent, backend.sent):
            self.violation("other numbers of bytes were logged", session)
