"""The first handshake message of a TLS client, out of the records that carry it (RFC 8446, section 5.1)."""

from typing import Final

from tidegate.core.preface.outcome import NOT_THIS, Incomplete, Malformed, NotThis

CLIENT_HELLO: Final = 1
RECORD_HEAD: Final = 5
MESSAGE_HEAD: Final = 4
LONGEST_RECORD: Final = 16384
LONGEST_CLIENT_HELLO: Final = 16384
"""Bytes of the stream, heads of records included. Hellos with keys against quantum computers have about 2000."""


def client_hello_body(data: bytes) -> bytes | Incomplete | NotThis | Malformed:
    """The ClientHello at the beginning of a stream, without the head of the message.

    It may come in any number of records. What is after it is not looked at. Once its length is known, all of it is needed:
    a hello in records of one byte, sent byte by byte, is looked at some fifty times and not thousands of times.
    """
    data = data[:LONGEST_CLIENT_HELLO]
    message, start = bytearray(), 0
    while start <= len(data):
        head = data[start : start + RECORD_HEAD]
        if _is_other_record(head):
            return Malformed("a record of another kind within a ClientHello") if start else NOT_THIS
        if len(head) < RECORD_HEAD:
            return _incomplete(start + RECORD_HEAD + _missing(message)) if start else Incomplete(len(data) + 1)
        length = int.from_bytes(head[3:], "big")
        if not 1 <= length <= LONGEST_RECORD:
            return Malformed("a record of TLS without content, or with more than 16 KiB")
        message += data[start + RECORD_HEAD : start + RECORD_HEAD + length]
        start += RECORD_HEAD + length
        if message and message[0] != CLIENT_HELLO:
            return NOT_THIS
        missing = _missing(message)
        if missing <= 0:
            return bytes(message[MESSAGE_HEAD : len(message) + missing])
    return _incomplete(len(data) + missing)


def _is_other_record(head: bytes) -> bool:
    """Whether the head of a record, or what is there of it, is not that of a handshake of TLS.

    The rest of its version must be ignored, as servers do (RFC 8446, section 5.1): it must not lead past the routes.
    """
    kind, major = head[:1], head[1:2]
    return kind not in (b"", b"\x16") or major not in (b"", b"\3")


def _missing(message: bytearray) -> int:
    """How many bytes the message still needs until more is known; negative or zero when it is all there."""
    if not message:
        return 1
    if len(message) < MESSAGE_HEAD:
        return MESSAGE_HEAD - len(message)
    return MESSAGE_HEAD + int.from_bytes(message[1:MESSAGE_HEAD], "big") - len(message)


def _incomplete(needed: int) -> Incomplete | Malformed:
    return Incomplete(needed) if needed <= LONGEST_CLIENT_HELLO else Malformed("a ClientHello of more than 16 KiB")
