"""One epoll instance for all client and backend sockets of a worker, nested in the event loop.

An epoll descriptor is itself readable, so uvloop watches just that one. Its own handle per socket would cost extra system
calls and 3 KB of memory for each connection.
"""

import select
import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable

IN, OUT, ERR, HUP = select.EPOLLIN, select.EPOLLOUT, select.EPOLLERR, select.EPOLLHUP
BATCH = 256

Callback = Callable[[int], None]


class Poller:
    """Calls `callback(events)` for each ready socket, level-triggered.

    A callback that raises is a bug in it; `failed(callback)` is told, within the exception, so that one session pays for it.
    """

    def __init__(self, loop: AbstractEventLoop, failed: Callable[[Callback], None]) -> None:
        self._loop, self._failed = loop, failed
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}
        self._dispatching = False
        self._to_close: list[socket.socket] = []
        loop.add_reader(self._epoll.fileno(), self._dispatch)

    def register(self, descriptor: int, events: int, callback: Callback) -> None:
        """Watch a socket for these events; errors and hang-ups are always reported."""
        self._epoll.register(descriptor, events)
        self._callbacks[descriptor] = callback

    def modify(self, descriptor: int, events: int) -> None:
        """Watch a registered socket for other events."""
        self._epoll.modify(descriptor, events)

    def hand_over(self, descriptor: int, events: int, callback: Callback) -> None:
        """Watch a registered socket for other events, with another callback."""
        self._epoll.modify(descriptor, events)
        self._callbacks[descriptor] = callback

    def pause(self, descriptor: int) -> None:
        """Report nothing of a registered socket, not even errors, until `resume`."""
        self._epoll.unregister(descriptor)

    def resume(self, descriptor: int, events: int) -> None:
        """Watch a paused socket again."""
        self._epoll.register(descriptor, events)

    def close(self, sock: socket.socket) -> None:
        """Close a socket and forget it.

        While a batch of events is being worked off the descriptor stays open until its end, so that no later event of
        that batch can meet a new socket with the same number.
        """
        self._callbacks.pop(sock.fileno(), None)
        if self._dispatching:
            self._to_close.append(sock)
        else:
            sock.close()

    def stop(self) -> None:
        """Watch nothing any more. The sockets belong to whoever registered them."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _dispatch(self) -> None:
        self._dispatching = True
        try:
            for descriptor, events in self._epoll.poll(0, BATCH):
                callback = self._callbacks.get(descriptor)
                if callback is None:
                    continue  # closed earlier in this batch
                try:
                    callback(events)
                except Exception:  # noqa: BLE001
                    self._failed(callback)
        finally:
            self._dispatching = False
            for sock in self._to_close:
                sock.close()
            self._to_close.clear()
