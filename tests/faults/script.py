"""What one session does, from its seed alone: a client writes the seed first, so the backend knows the same script."""

import random
from dataclasses import dataclass, replace
from enum import Enum, auto

from tests.faults.pattern import LONGEST


class End(Enum):
    """How a session ends."""

    CLIENT_EOF = auto()
    BACKEND_EOF = auto()
    BOTH_EOF = auto()  # each ends its direction when it has sent all
    CLIENT_RESET = auto()  # once the kernel at the other end has all it sent, and it has read all
    BACKEND_RESET = auto()
    CLIENT_CUTS = auto()  # a reset, once the kernel at the other end has all it sent, whatever comes from there
    BACKEND_CUTS = auto()
    IDLE = auto()  # both have sent all and wait, until the proxy ends it
    GIVEN_UP = auto()  # connected, and closed or reset before all of the seed was said


@dataclass(frozen=True, slots=True)
class Half:
    """What one peer does. Sizes in bytes, pauses in seconds."""

    size: int  # what it sends, without the seed
    piece: int  # at most so much with one send
    read: int  # at most so much with one receive
    reading_pause: float  # between two receives
    pause: float  # between two sends

    @property
    def is_short(self) -> bool:
        """Whether the kernel takes all of it without the other peer reading."""
        return self.size <= SHORT and not self.pause


@dataclass(frozen=True, slots=True)
class Script:
    """A session: what the client does, what the backend does, and how it ends."""

    seed: int
    client: Half
    backend: Half
    end: End
    backend_first: bool  # the client says nothing before it has heard the backend

    def cut_after(self, size: int) -> "Script":
        """The same, but the client breaks off after so many bytes, without the seed; no pause holds up these."""
        client = replace(self.client, size=size, piece=LONGEST, pause=0.0)
        backend = replace(self.backend, read=LONGEST, reading_pause=0.0)
        return replace(self, client=client, backend=backend, end=End.CLIENT_CUTS)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How often a direction is short, middling, long or a flood (the rest says nothing), and how often all else happens."""

    short: float = 0.7
    middling: float = 0.2
    long: float = 0.02
    flood: float = 0.0
    resets: float = 0.1
    pieces: float = 0.4
    pauses: float = 0.02
    long_winded: float = 0.01  # many small pieces
    idle: float = 0.0


TURNS, MOST_TURNS = 20, 2000  # of sending or receiving, unless even the longest piece needs more
LONGEST_PAUSES = 2.0  # seconds that all pauses of a direction take together
SHORT, MIDDLING, LONG, FLOOD = 4096, 128 * 1024, 4 << 20, 256 << 20
PIECES = (1, 7, 100, 1448, 4096, 16384, 65536)


def script(seed: int, sizes: Sizes) -> Script:
    """The script of a seed."""
    chance = random.Random(seed)
    end = _end(chance, sizes)
    sent, answered = _size(chance, sizes), _size(chance, sizes)
    client, backend = _half(chance, sizes, sent, answered), _half(chance, sizes, answered, sent)
    return Script(seed, client, backend, end, backend_first=chance.random() < 0.2)


def _end(chance: random.Random, sizes: Sizes) -> End:
    if sizes.idle and chance.random() < sizes.idle:
        return End.IDLE
    if chance.random() < sizes.resets:
        return chance.choice((End.CLIENT_RESET, End.BACKEND_RESET, End.CLIENT_CUTS, End.BACKEND_CUTS, End.GIVEN_UP))
    return chance.choice((End.CLIENT_EOF, End.BACKEND_EOF, End.BOTH_EOF))


def _half(chance: random.Random, sizes: Sizes, sent: int, received: int) -> Half:
    piece, pause = _pace(chance, sizes, sent)
    return Half(sent, piece, *_pace(chance, sizes, received), pause)


def _pace(chance: random.Random, sizes: Sizes, size: int) -> tuple[int, float]:
    """Bytes at once and the pause between, so that a direction takes at most a few thousand turns and a few seconds.

    There are no pauses between thousands of turns: while all are busy, such a reader would be too slow for a `PEER_TIMEOUT`.
    """
    is_long_winded = chance.random() < sizes.long_winded
    turns = MOST_TURNS if is_long_winded else TURNS
    piece = min(max(chance.choice(PIECES), size // turns), LONGEST) if chance.random() < sizes.pieces else LONGEST
    pauses = chance.random() < sizes.pauses and not is_long_winded
    return piece, chance.uniform(0, LONGEST_PAUSES / (size // piece + 1)) if pauses else 0.0


def _size(chance: random.Random, sizes: Sizes) -> int:
    kind = chance.random()
    for share, smallest, largest in (
        (sizes.flood, LONG, FLOOD),
        (sizes.long, MIDDLING, LONG),
        (sizes.middling, SHORT, MIDDLING),
        (sizes.short, 1, SHORT),
    ):
        if kind < share:
            return chance.randint(smallest, largest)
        kind -= share
    return 0
