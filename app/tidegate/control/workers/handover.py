"""Gives the listening sockets to the workers, and again to one that had no descriptors left for them."""

import asyncio
from collections.abc import Mapping

from tidegate.control.log import event_log
from tidegate.control.workers import orders
from tidegate.control.workers.listening_sockets import BoundListener
from tidegate.control.workers.processes import Worker
from tidegate.link.messages import ListenerShared, SocketsLost

AGAIN_AFTER = 1.0  # seconds


class Handover:
    """Hands over `listeners`, whose sockets belong to control, as long as there are any."""

    def __init__(self, listeners: Mapping[str, BoundListener]) -> None:
        self._listeners = listeners

    def to(self, worker: Worker) -> None:
        """Give a worker the sockets of all listeners, its own and those of the other workers."""
        for listener in self._listeners.values():
            self._hand(worker, listener)

    def lost(self, worker: Worker, message: SocketsLost) -> None:
        """A worker could not receive sockets: send them again later. Meanwhile the other workers accept there."""
        event_log.warning("sockets_lost", worker=worker.number, listener=message.listener, reason="too many open files")
        asyncio.get_running_loop().call_later(AGAIN_AFTER, self._again, worker, worker.pid, message)

    def _again(self, worker: Worker, pid: int | None, message: SocketsLost) -> None:
        listener = self._listeners[message.listener]
        if worker.pid != pid or not listener.sockets:
            return
        if message.worker == worker.number:
            self._hand(worker, listener)
        else:
            self._share(worker, listener, message.worker)

    def _hand(self, worker: Worker, listener: BoundListener) -> None:
        worker.send(orders.listener_added(listener), listener.sockets[worker.number])
        for owner in range(len(listener.sockets)):
            if owner != worker.number:
                self._share(worker, listener, owner)

    def _share(self, worker: Worker, listener: BoundListener, owner: int) -> None:
        if sockets := listener.sockets_to_share(owner):
            worker.send(ListenerShared(listener.name, owner), sockets)
