"""The ClientHello of TLS, in its records."""

from tests.fuzz.reasons import check_reason
from tests.fuzz.streams import cuts_of
from tests.support.first_bytes import check_growing
from tidegate.core.preface.client_hello import ClientHello, read_client_hello
from tidegate.core.preface.outcome import Incomplete, Malformed
from tidegate.core.preface.server_name import LONGEST_NAME
from tidegate.core.preface.tls_records import LONGEST_CLIENT_HELLO

WORDS = [
    b"\x16\3\1",
    b"\x16\3\3\0\1",
    b"\1\0\0",
    b"\3\3",
    b"\0\0\0",
    b"\0\x10\0",
    b"\2h2",
    b"\x3a\x3a\0\0",
    b"chat.example.com",
]


def target(data: bytes) -> None:
    """Read a hello: a name and protocols that can be shown."""
    hello = check_growing(read_client_hello, data, cuts_of(data))
    if isinstance(hello, Malformed):
        check_reason(hello.reason, 100)
    elif isinstance(hello, Incomplete):
        assert hello.needed <= LONGEST_CLIENT_HELLO
    elif isinstance(hello, ClientHello):
        assert len(hello.server_name) <= LONGEST_NAME
        assert hello.server_name == hello.server_name.lower()
        for text in (hello.server_name, *hello.alpn):
            assert text.isascii()
            assert text.isprintable()
