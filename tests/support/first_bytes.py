"""What a client may send first, and readers of it."""

import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.support.peers import Peer
from tidegate.core.preface.outcome import Incomplete, Malformed, NotThis
from tidegate.core.preface.proxy_facts import ProxyHeader
from tidegate.core.preface.proxy_header import read_proxy_header

RANDOM = bytes(range(32))
SUITES = b"\x13\x01\x13\x02"


def check_growing(read: Callable[[bytes], Any], stream: bytes, cuts: Iterable[int] | None = None) -> Any:
    """Read longer and longer beginnings of a stream, all of them or those before `cuts`, and return what the whole is.

    A beginning is incomplete until one is not, and then nothing changes any more but the words of a reason. There are no
    facts before there are as many bytes as an incomplete beginning needs.
    """
    needed, decided = 0, None
    for length in range(len(stream) + 1) if cuts is None else [*sorted(cuts), len(stream)]:
        outcome = read(stream[:length])
        if isinstance(outcome, Incomplete):
            assert decided is None, (length, decided, outcome)
            assert outcome.needed > length
            needed = max(needed, outcome.needed)
        elif decided is None:
            assert needed <= length or isinstance(outcome, Malformed | NotThis), (needed, length, outcome)
            decided = outcome
        elif isinstance(decided, Malformed):
            assert isinstance(outcome, Malformed), (length, decided, outcome)
        else:
            assert outcome == decided
    return outcome if decided is None else decided


def real_hello(name: str | None, alpn: Sequence[str] = (), latest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """The ClientHello of OpenSSL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = latest
    if alpn:
        context.set_alpn_protocols(alpn)
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()
    raise AssertionError("a handshake has ended by itself")


def in_records(message: bytes, size: int, minor: int = 1) -> bytes:
    """A handshake message in records of so many bytes."""
    parts = [message[start : start + size] for start in range(0, len(message), size)]
    return b"".join(bytes([22, 3, minor]) + len(part).to_bytes(2, "big") + part for part in parts)


def hello_message(
    *extensions: tuple[int, bytes], session_id: bytes = b"", suites: bytes = SUITES, tail: bytes = b""
) -> bytes:
    """A ClientHello with these extensions, as a handshake message."""
    listed = b"".join(kind.to_bytes(2, "big") + vector(2, content) for kind, content in extensions)
    return message_of(b"\3\3" + RANDOM + vector(1, session_id) + vector(2, suites) + b"\1\0" + vector(2, listed) + tail)


def message_of(body: bytes, kind: int = 1) -> bytes:
    """A handshake message."""
    return bytes([kind]) + vector(3, body)


def vector(size: int, content: bytes) -> bytes:
    """Bytes with their length in front, in so many bytes."""
    return len(content).to_bytes(size, "big") + content


def server_names(*names: bytes, kind: int = 0) -> tuple[int, bytes]:
    """The extension with these server names."""
    return 0, vector(2, b"".join(bytes([kind]) + vector(2, name) for name in names))


def protocols(*names: bytes) -> tuple[int, bytes]:
    """The extension with these protocols."""
    return 16, vector(2, b"".join(vector(1, name) for name in names))


async def header_from(peer: Peer) -> ProxyHeader:
    """The header that a connection begins with, byte for byte, so that nothing behind it is read."""
    data = b""
    while isinstance(header := read_proxy_header(data), Incomplete):
        data += await peer.read_exactly(1)
    assert isinstance(header, ProxyHeader), header
    return header
