"""The ClientHello of TLS: the name of the server that the client asks for, and the protocols that it offers.

RFC 8446, section 4.1.2; the name is that of RFC 6066, section 3, and the protocols are those of RFC 7301. With Encrypted
ClientHello the extension has the outer name, which is the one that a proxy may see.
"""

from dataclasses import dataclass
from typing import Final

from tidegate.core.preface.outcome import Incomplete, Malformed, MalformedError, NotThis
from tidegate.core.preface.server_name import server_name
from tidegate.core.preface.tls_records import client_hello_body
from tidegate.core.preface.vectors import Vectors

SERVER_NAME: Final = 0
ALPN: Final = 16
HOST_NAME: Final = 0
VERSION_AND_RANDOM: Final = 2 + 32
LONGEST_SESSION_ID: Final = 32

GREASE: Final = frozenset({"**", "::", "JJ", "ZZ", "jj", "zz"})
"""Printable protocols that are offered only to see that servers ignore what they do not know (RFC 8701, section 2)."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client asks for. The name is in lower case, and empty if there is none or none that is valid.

    Protocols are printable ASCII; others are left out.
    """

    server_name: str
    alpn: tuple[str, ...]


def read_client_hello(data: bytes) -> ClientHello | Incomplete | NotThis | Malformed:
    """Read the ClientHello at the beginning of a stream, in at most LONGEST_CLIENT_HELLO bytes.

    Its rules are checked as far as names and protocols depend on them, so that no server finds another name in it.
    """
    body = client_hello_body(data)
    if not isinstance(body, bytes):
        return body
    try:
        return _hello(_extensions(body))
    except MalformedError as error:
        return Malformed(str(error))


def _extensions(body: bytes) -> dict[int, bytes]:
    """The extensions by their types. Raises MalformedError, also when a type comes twice (RFC 8446, section 4.2)."""
    hello, found = Vectors(body), dict[int, bytes]()
    hello.take(VERSION_AND_RANDOM)
    session_id, cipher_suites, compression_methods = hello.vector(1), hello.vector(2), hello.vector(1)
    if len(session_id) > LONGEST_SESSION_ID or len(cipher_suites) < 2 or len(cipher_suites) % 2 or not compression_methods:
        raise MalformedError("a ClientHello with parts of the wrong length")
    extensions = Vectors(hello.vector(2) if hello.more() else b"")  # without any before TLS 1.2
    hello.end()
    while extensions.more():
        kind = extensions.number(2)
        if kind in found:
            raise MalformedError("an extension of a ClientHello comes twice")
        found[kind] = extensions.vector(2)
    return found


def _hello(extensions: dict[int, bytes]) -> ClientHello:
    names = extensions.get(SERVER_NAME)
    protocols = extensions.get(ALPN)
    return ClientHello("" if names is None else _server_name(names), () if protocols is None else _alpn(protocols))


def _server_name(extension: bytes) -> str:
    names = _list(extension)
    found = dict[int, bytes]()
    while names.more():
        kind = names.number(1)
        if kind in found:
            raise MalformedError("a ClientHello with two server names")
        found[kind] = names.vector(2)
    return server_name(found.get(HOST_NAME, b""))


def _alpn(extension: bytes) -> tuple[str, ...]:
    names, found = _list(extension), list[str]()
    while names.more():
        name = names.vector(1)
        if not name:
            raise MalformedError("a ClientHello with an empty protocol")
        text = name.decode("latin-1")
        if text.isascii() and text.isprintable() and text not in GREASE:
            found.append(text)
    return tuple(found)


def _list(extension: bytes) -> Vectors:
    """The list that is all of an extension, and never empty."""
    whole = Vectors(extension)
    items = whole.vector(2)
    whole.end()
    if not items:
        raise MalformedError("a ClientHello with an empty list")
    return Vectors(items)
