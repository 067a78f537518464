"""An admin port of a process with one pool, and what holds for all of its answers."""

import asyncio
import re
import socket
from collections.abc import Sequence
from functools import cache

from tests.fuzz.loop import close_at_end, run, the_loop
from tests.support.reports import process_of
from tidegate.control.admin.server import AdminServer
from tidegate.core.pools.backend import Backend

READ_SIZE = 64 * 1024
_HEAD = re.compile(rb"HTTP/1\.1 ([0-9]{3}) [A-Z][A-Za-z' -]*\r\n(?:[A-Za-z-]+: [ -~]*\r\n)+\r\n")
_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n")


def answers_to(pieces: Sequence[bytes]) -> bytes:
    """All that the port answers until it ends the connection, which the client has done after the last piece."""
    return run(_answers(pieces, _port()))


def check(answers: bytes, *, may_be_head: bool) -> None:
    """Each answer has a head in which nothing of the request shows up raw; none says that there is a bug."""
    while answers:
        head = _HEAD.match(answers)
        assert head is not None, answers
        assert head[1] != b"500", answers
        length = _LENGTH.search(head[0])
        assert length is not None, answers
        if may_be_head:
            return
        assert len(answers) >= head.end() + int(length[1])
        answers = answers[head.end() + int(length[1]) :]


async def _answers(pieces: Sequence[bytes], port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setblocking(False)
        sending = asyncio.ensure_future(_send(sock, pieces))
        answers = bytearray()
        while data := await _received(sock):
            answers += data
        await sending
        return bytes(answers)


async def _received(sock: socket.socket) -> bytes:
    try:
        return await the_loop().sock_recv(sock, READ_SIZE)
    except ConnectionResetError:
        return b""


async def _send(sock: socket.socket, pieces: Sequence[bytes]) -> None:
    try:
        for piece in pieces:
            await the_loop().sock_sendall(sock, piece)
            await asyncio.sleep(0)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the port has refused the beginning


@cache
def _port() -> int:
    sock = socket.create_server(("127.0.0.1", 0))
    port = int(sock.getsockname()[1])
    server = AdminServer(_process.__enter__(), None, 10)
    the_loop().run_until_complete(server.start(sock))
    close_at_end(lambda: the_loop().run_until_complete(server.stop()))
    return port


_process = process_of([Backend("a:1", "10.0.0.1", 1), Backend("b:2", "10.0.0.2", 2, backup=True)])
