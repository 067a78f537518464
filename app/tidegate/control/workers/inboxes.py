"""The inboxes through which workers pass clients on to each other."""

import socket

LEAST_BUFFER = 1  # the kernel makes 4.5 KB of it


def make_inboxes(workers: int) -> list[socket.socket]:
    """Two sockets for each of several workers, in the order of their numbers: from the first it takes clients, by the second
    the others give it some. None where there is one worker.

    A few clients fit into an inbox: a worker that is slow has not counted those that it was given. Inboxes outlive the
    processes, as listening sockets do: what is in the inbox of a worker that dies is taken by another one.
    """
    if workers == 1:
        return []
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in range(workers)]
    for _taking, giving in pairs:
        giving.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LEAST_BUFFER)
    return [end for pair in pairs for end in pair]
