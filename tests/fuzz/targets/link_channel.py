"""The stream of the link. The first byte is the length of the pieces in which it comes; 0 means all at once.

A piece that begins with the byte 0xfd, which no message has, brings a descriptor. The byte is not sent.
"""

import os
import socket
from pathlib import Path

from tests.fuzz.link_end import BAD_LINE, End
from tests.fuzz.pieces import pieces_of
from tests.support.descriptors import open_descriptors
from tidegate.link.codec import decode
from tidegate.link.messages import Message

DESCRIPTOR = b"\xfd"


def target(data: bytes) -> None:
    """Receive a stream: the messages before the first bad line, in order; no descriptor stays open."""
    before = open_descriptors()
    pieces = pieces_of(data[1:], data[0] if data else 0)
    ours, theirs = socket.socketpair()
    end = End(ours)
    with theirs:
        for piece in pieces:
            if end.ends:
                break
            _send(theirs, piece)
            end.turn()
    while not end.ends:
        end.turn()
    assert end.messages == _messages(b"".join(map(_sent, pieces)))
    assert end.ends == 1
    assert open_descriptors() <= before


def _send(sock: socket.socket, piece: bytes) -> None:
    if piece.startswith(DESCRIPTOR):
        with Path(os.devnull).open("rb") as any_file:
            socket.send_fds(sock, [_sent(piece)], [any_file.fileno()])
    elif piece:
        sock.sendall(piece)


def _sent(piece: bytes) -> bytes:
    """A descriptor travels with at least one byte."""
    return piece[1:] or b"\n" if piece.startswith(DESCRIPTOR) else piece


def _messages(stream: bytes) -> list[Message]:
    messages: list[Message] = []
    for line in stream.split(b"\n")[:-1]:
        try:
            messages.append(decode(line))
        except BAD_LINE:
            break
    return messages
