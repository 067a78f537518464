"""Evens the connections of the workers out: a worker passes a new client on to one that has clearly fewer.

The kernel spreads clients over the listening sockets by a hash: one of two workers gets 37 or more of 64 one time in four.
"""

import os
import socket
from collections.abc import Callable, Sequence
from time import monotonic

from tidegate.dataplane.accept.listener import ACCEPTS_PER_EVENT, Listener, Peer
from tidegate.dataplane.accept.siblings import Siblings
from tidegate.dataplane.loop.poller import IN, IN_FOR_ONE, Poller
from tidegate.dataplane.report.counters import Counters

LONGEST_MESSAGE = 512  # bytes; the name of a listener, an IP address and a port

Arrived = Callable[[str, int, Peer], None]


class Inboxes:
    """The inboxes of all workers. Owns copies of their sockets: for each worker the end to take from, then that to give by.

    Calls `arrived(listener, client, peer)` for each client that another worker passes on, and hands over its descriptor.
    `stuck(reason)` is told when there is no descriptor left for one, which stays in the inbox.
    """

    def __init__(
        self,
        poller: Poller,
        counters: Counters,
        siblings: Siblings,
        sockets: Sequence[socket.socket],
        arrived: Arrived,
        stuck: Callable[[str], None],
    ) -> None:
        self._poller, self._cells, self._siblings = poller, counters.cells, siblings
        self._own = counters.worker
        self._others = [worker for worker in range(counters.workers) if worker != counters.worker]
        self._inboxes = [Inbox(sock, arrived, stuck) for sock in sockets[::2]]
        self._ways = list(sockets[1::2])
        self._served: set[int] = set()
        self._watched: set[int] = set()
        self._paused = False
        self._watch()

    def serve(self, workers: set[int]) -> None:
        """Take from the inboxes of exactly these other workers, too."""
        self._served = workers
        self._watch()

    def pause(self) -> None:
        """Leave clients in the inboxes, for other workers to take."""
        self._paused = True
        self._watch()

    def resume(self) -> None:
        """Take them again."""
        self._paused = False
        self._watch()

    def _watch(self) -> None:
        wanted = set() if self._paused else {self._own, *self._served}
        for worker in self._watched - wanted:
            self._poller.loop.unregister(self._inboxes[worker].descriptor)
        for worker in wanted - self._watched:
            events = IN if worker == self._own else IN_FOR_ONE
            self._poller.loop.register(self._inboxes[worker].descriptor, events, self._inboxes[worker])
        self._watched = wanted

    def take_waiting(self) -> None:
        """Take the clients that are in this worker's inbox."""
        self._inboxes[self._own].ready(IN)

    def pass_on(self, listener: Listener, client: int, peer: Peer) -> bool:
        """Whether this client, which has just been accepted, is another worker's from now on. If so, `client` is closed."""
        mine = self._cells[listener.active_cell]
        if not _has_clearly_fewer(min([self._cells[cell] for cell in listener.active_elsewhere]), mine):
            return False
        recipient = self._recipient(listener, mine)
        if recipient is None:
            return False
        try:
            socket.send_fds(self._ways[recipient], [f"{peer[1]} {peer[0]} {listener.name}".encode()], [client])
        except OSError:  # its inbox is full, for it is slow
            return False
        os.close(client)
        return True

    def _recipient(self, listener: Listener, mine: int) -> int | None:
        """The worker with the fewest connections of those that accept there, if it has clearly fewer than this one."""
        idle = self._siblings.not_accepting(monotonic())
        counts = [
            (self._cells[active], worker)
            for worker, active, is_open in zip(self._others, listener.active_elsewhere, listener.open_elsewhere, strict=True)
            if self._cells[is_open] and worker not in idle
        ]
        fewest, worker = min(counts, default=(mine, -1))
        return worker if _has_clearly_fewer(fewest, mine) else None


def _has_clearly_fewer(theirs: int, mine: int) -> bool:
    """Whether a worker with so many connections gets the next one. Smaller differences pass with short connections."""
    return theirs + 2 + theirs // 16 <= mine


class Inbox:
    """Takes clients from one inbox."""

    def __init__(self, sock: socket.socket, arrived: Arrived, stuck: Callable[[str], None]) -> None:
        self._sock, self._arrived, self._stuck = sock, arrived, stuck
        self.descriptor = sock.fileno()

    def ready(self, _events: int) -> None:
        """Take clients, a bounded number of them."""
        for _ in range(ACCEPTS_PER_EVENT):
            if not self._has_descriptor_left():
                return
            try:
                message, clients, _, _ = socket.recv_fds(self._sock, LONGEST_MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
            except OSError:
                return
            try:
                port, host, listener = message.decode().split(" ", 2)
                self._arrived(listener, clients[0], (host, int(port)))
            except Exception:  # most likely no memory is left
                os.close(clients[0])
                raise

    def failed(self) -> None:
        """A bug with one client leaves the others in the inbox."""

    def _has_descriptor_left(self) -> bool:
        """Whether a client can be received: without a descriptor for it, the kernel would close its connection."""
        try:
            os.close(os.dup(self.descriptor))
        except OSError as error:
            self._stuck(error.strerror or str(error))
            return False
        return True
