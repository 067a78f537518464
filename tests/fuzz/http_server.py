"""A server in a thread that says the same bytes to each client, for clients that block."""

import socket
from contextlib import suppress
from functools import cache
from threading import Thread

LONGEST_REQUEST = 64 * 1024

_answer = [b""]


def url_of(answer: bytes) -> str:
    """The URL of the server, which says this from now on."""
    _answer[0] = answer
    return f"http://127.0.0.1:{_port()}"


@cache
def _port() -> int:
    listener = socket.create_server(("127.0.0.1", 0))
    Thread(target=_serve, args=(listener,), daemon=True).start()
    return int(listener.getsockname()[1])


def _serve(listener: socket.socket) -> None:
    while True:
        client, _ = listener.accept()
        with client:
            client.recv(LONGEST_REQUEST)
            with suppress(OSError):  # the client may have heard enough
                client.sendall(_answer[0])
