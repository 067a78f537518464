"""What clients say first where routes choose the pool: the head of a request, a ClientHello, or something else."""

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.support.first_bytes import hello_message, in_records, protocols, server_names

ROUTES: Final = (
    "host=other.test path=/chat/ pool=other; sni=*.other.test pool=other; alpn=other pool=other; host=old.test pool="
)
OTHER, OWN, REFUSED = "other", None, ""
HEADS: Final = (
    (OTHER, "Other.Test:8000", "/chat/"),
    (OTHER, "other.test.", "/chat/?EIO=4"),
    (OWN, "other.test", "/chats"),
    (OWN, "own.test", "/chat/"),
    (REFUSED, "old.test", "/"),
)
HELLOS: Final = (
    (OTHER, b"A.other.test", b"h2"),
    (OTHER, b"own.test", b"other"),
    (OWN, b"other.test", b"h2"),
)
HEAD_SHARE, HELLO_SHARE = 0.45, 0.45
SOMETHING_ELSE: Final = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"
END_OF_HEAD: Final = b"\r\n\r\n"
HANDSHAKE, RECORD_HEADER, MESSAGE_HEADER = b"\x16", 5, 4
RECORDS: Final = (50, 1000, 1 << 14)  # bytes
PADDING: Final = 21  # the extension of RFC 7685
LARGE_SHARE, LARGEST_FILLING = 0.02, 8000  # bytes of a cookie, or of an extension
SINGLE_BYTES_SHARE, SHORT, MOST_CUTS = 0.1, 200, 3


@dataclass(frozen=True, slots=True)
class Opening:
    """First bytes and the pool that they lead to: None is the listener's own, an empty one refuses the client."""

    data: bytes = b""
    pool: str | None = OWN

    def pieces(self, seed: int) -> Iterator[bytes]:
        """All of it, cut at a few random places; a short one perhaps behind each byte."""
        chance, size = random.Random(seed), len(self.data)
        cuts = sorted(chance.choices(range(size + 1), k=chance.randint(0, MOST_CUTS)))
        if size < SHORT and chance.random() < SINGLE_BYTES_SHARE:
            cuts = list(range(size))
        for start, end in zip((0, *cuts), (*cuts, size), strict=True):
            if start < end:
                yield self.data[start:end]


NOTHING: Final = Opening()


def opening(seed: int) -> Opening:
    """The first bytes of the session with this seed."""
    chance = random.Random(seed)
    filling = chance.randint(0, LARGEST_FILLING) if chance.random() < LARGE_SHARE else 0
    kind = chance.random()
    if kind < HEAD_SHARE:
        pool, host, path = chance.choice(HEADS)
        fields = f"Host: {host}\r\nCookie: {seed:x}{'x' * filling}"
        return Opening(f"GET {path} HTTP/1.1\r\n{fields}".encode() + END_OF_HEAD, pool)
    if kind < HEAD_SHARE + HELLO_SHARE:
        pool, name, protocol = chance.choice(HELLOS)
        padding = PADDING, bytes(filling)
        message = hello_message(padding, server_names(name), protocols(protocol), session_id=seed.to_bytes(32, "big"))
        return Opening(in_records(message, chance.choice(RECORDS)), pool)
    return Opening(SOMETHING_ELSE)


async def read_opening(read_exactly: Callable[[int], Awaitable[bytes]]) -> bytes:
    """The first bytes of a stream, and not one more."""
    data = await read_exactly(1)
    if data == HANDSHAKE:
        return data + await _rest_of_hello(read_exactly)
    if data == SOMETHING_ELSE[:1]:
        return data + await read_exactly(len(SOMETHING_ELSE) - 1)
    while not data.endswith(END_OF_HEAD):
        data += await read_exactly(1)
    return data


async def _rest_of_hello(read_exactly: Callable[[int], Awaitable[bytes]]) -> bytes:
    """What follows the first byte, record by record until the message is complete."""
    header, message = await read_exactly(RECORD_HEADER - 1), b""
    data = header
    while True:
        record = await read_exactly(int.from_bytes(header[-2:], "big"))
        data, message = data + record, message + record
        if len(message) >= MESSAGE_HEADER + int.from_bytes(message[1:MESSAGE_HEADER], "big"):
            return data
        header = await read_exactly(RECORD_HEADER)
        data += header
