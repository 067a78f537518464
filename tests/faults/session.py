"""One client's connection, as its two peers and the proxy's log show it."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic, time
from typing import Final

from tests.faults.entrance import Entrance
from tests.faults.opening import NOTHING, Opening
from tests.faults.part import Part
from tests.faults.script import End, Script
from tests.support.proxy import Fields

RESETS: Final = frozenset({"client_reset", "backend_reset"})
BY_CLIENT: Final = {End.CLIENT_RESET, End.CLIENT_CUTS}  # clients that need not read to the end
IN_ORDER: Final = {"client_eof", "backend_eof"}


@dataclass(slots=True, eq=False)
class Session:
    """`client` and `backend` are the parts that the peers play, `line` is what the proxy logged. The client came by the
    `entrance` and said the `opening` first, which lead it the `way`; the backend is called `reached`.

    `excused` are close reasons that something done to the proxy during its life may cause. With `is_silenced` one of the
    peers is gone without a word, so that the proxy may end it as if that peer were there.
    """

    script: Script
    entrance: Entrance
    excused: frozenset[str] = frozenset()
    opening: Opening = NOTHING
    way: Entrance = field(init=False)
    address: str = ""
    began_at: float = field(default_factory=time)  # seconds since 1970
    client: Part | None = None
    backend: Part | None = None
    reached: str = ""
    client_ended: bool = False
    backend_ended: bool = False
    line: Fields | None = None
    is_silenced: bool = False
    cut: int | None = None  # bytes that a backend had sent when it broke off
    moved: tuple[int, float] = (-1, 0.0)  # bytes that its peers had sent and received, and since when

    def __post_init__(self) -> None:
        self.way = self.entrance.way_of(self.opening)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come: the backend may not have heard of a session that was broken off."""
        if not self.client_ended or self.line is None:
            return False
        return self.backend_ended or (self.backend is None and not self.must_reach_backend)

    @property
    def has_ended(self) -> bool:
        """Whether both peers have ended, as far as there are two."""
        return self.client_ended and (self.backend is None or self.backend_ended)

    @property
    def must_reach_backend(self) -> bool:
        """Whether the proxy has passed all on: it says so, or nothing keeps it from it after a client has broken off."""
        if self.script.end is End.GIVEN_UP or self.line is None:
            return False
        has_broken_off = self.script.end in BY_CLIENT and self.client is not None and self.client.whole
        return self.line["reason"] in IN_ORDER or (has_broken_off and not self.excused)

    @property
    def is_refused(self) -> bool:
        """Whether its first bytes lead to no pool."""
        return not self.way.backends

    @property
    def is_misplaced(self) -> bool:
        """Whether the proxy says that it came by another listener, or got another pool or backend, than it did.

        One that has ended before it got a backend may have ended before its first bytes were seen.
        """
        line, way = self.line, self.way
        assert line is not None
        backend = line.get("backend") or ""
        pools = {way.pool} if backend else {way.pool, self.entrance.pool}
        return (
            line["listener"] != way.listener
            or line["pool"] not in pools
            or backend not in {"", *way.backends}
            or self.reached not in {"", backend}
        )

    def fits(self, line: Fields) -> bool:
        """Whether a line may be of this session, by what its peers have seen so far."""
        sent, received = (self.client.sent, self.client.received) if self.client else (0, 0)
        is_there = self.entrance.listener == line["listener"] and self.reached in {"", line.get("backend")}
        return is_there and line["sent_bytes"] <= sent and received <= line["received_bytes"]

    def look(self) -> float:
        """Look how far it is; since when it is so far, of the monotonic clock."""
        size = sum(part.sent + part.received for part in (self.client, self.backend) if part)
        if size != self.moved[0]:
            self.moved = size, monotonic()
        return self.moved[1]

    def fall_silent(self) -> Part | None:
        """Let one of the peers be gone without a word; None when it is over already."""
        part = random.choice([part for part in (self.client, self.backend) if part])
        if not part.fall_silent():
            return None
        self.is_silenced = True
        self.excused |= RESETS
        return part

    def __str__(self) -> str:
        script = self.script
        parts = " ".join(
            f"{name}: {'none' if part is None else f'sent {part.sent} received {part.received} whole {part.whole}'};"
            for name, part in (("client", self.client), ("backend", self.backend))
        )
        return f"seed {script.seed} {script.end.name} {self.address} {parts} {script.client} {script.backend} {self.line}"


def of_line(line: Fields, waiting: Iterable[Session]) -> Session:
    """The session that a line is of; others that came from the same address may wait for lines that were lost.

    Where several fit, the time decides, though a clock of the proxy that jumps tells it wrongly.
    """
    everybody = list(waiting)
    first, *others = [session for session in everybody if session.fits(line)] or everybody
    if not others:
        return first
    began_at = datetime.fromisoformat(line["timestamp"]).timestamp() - line["duration_ms"] / 1000
    return min((first, *others), key=lambda session: abs(session.began_at - began_at))
