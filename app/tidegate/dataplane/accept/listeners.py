"""All listeners of a worker: opened and closed as control says, paused and resumed together, shared with other workers."""

import socket
from collections.abc import Callable, Mapping, Sized
from time import monotonic

from tidegate.core.limits import most_lingering
from tidegate.dataplane.accept.inboxes import Inboxes
from tidegate.dataplane.accept.listener import Listener, Peer
from tidegate.dataplane.accept.siblings import LOOK_INTERVAL, Siblings
from tidegate.dataplane.descriptors import most_sessions
from tidegate.dataplane.loop.handler import cannot_go_on
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.relay.last_bytes import Lingering
from tidegate.dataplane.report.counters import Counters
from tidegate.dataplane.routing.routing_pool import RoutingPool
from tidegate.link.board import WORKER, WorkerCell
from tidegate.link.messages import ListenerAdded

PAUSE_CHECK_INTERVAL = 0.25  # seconds

LogNow = Callable[[str, str, dict[str, object]], None]


class Listeners:
    """The listeners by name. Owns them.

    `accepted(listener, client, peer)` takes over each new connection, `log_now(level, event, fields)` writes a line at once.
    """

    def __init__(
        self,
        poller: Poller,
        counters: Counters,
        sessions: Sized,
        lingering: Lingering,
        accepted: Callable[[Listener, int, Peer], None],
        log_now: LogNow,
    ) -> None:
        self._poller, self._counters = poller, counters
        self._sessions, self._lingering = sessions, lingering
        self._accepted, self._log_now = accepted, log_now
        self._by_name: dict[str, Listener] = {}
        self._siblings = Siblings(counters)
        self._accepting_cell = counters.slot(WORKER, 0) + WorkerCell.ACCEPTING
        self._inboxes: Inboxes | None = None
        self._drained: dict[str, Listener] = {}
        self._early: list[tuple[str, int, Peer]] = []
        self._incomplete: set[str] = set()  # listeners whose sockets could not be received
        self._paused = self._looks = False
        self._inbox_sockets = 0
        self._count_sockets()

    def open_inboxes(self, sockets: list[socket.socket]) -> None:
        """Pass clients on by these inboxes from now on, at listeners that are still to come."""
        self._inboxes = Inboxes(self._poller, self._counters, self._siblings, sockets, self._arrived, self._pause)
        self._inbox_sockets = len(sockets)
        self._count_sockets()

    def add(self, message: ListenerAdded, pools: Mapping[str, RoutingPool], sockets: list[socket.socket]) -> None:
        """Accept on these sockets, which the listener owns from now on, for one or more of these pools."""
        pass_on = self._inboxes.pass_on if self._inboxes else None
        listener = Listener(self._poller, self._counters, message, pools, sockets, pass_on)
        self._by_name[message.name] = listener
        self._incomplete.discard(message.name)
        self._count_sockets()
        listener.open(self._accepted, self._pause)
        early, self._early = self._early, []
        for client in early:
            self._arrived(*client)
        if self._paused:
            listener.pause()
        self._say_whether_accepting()

    def lost(self, name: str) -> None:
        """The sockets of a listener could not be received; until they come the other workers accept there."""
        self._incomplete.add(name)
        self._say_whether_accepting()

    def share(self, name: str, worker: int, sockets: list[socket.socket]) -> None:
        """Accept on the sockets of another worker whenever it does not. The listener owns these copies from now on.

        They are closed where the listener itself could not be opened: when it is sent again, so are they.
        """
        if listener := self._by_name.get(name):
            listener.share(worker, sockets)
            self._count_sockets()
            if not self._looks:
                self._looks = True  # soon: workers that begin to accept together have not all done so yet
                self._poller.call_later(LOOK_INTERVAL, self._look_after_siblings, cannot_go_on)
        else:
            for sock in sockets:
                sock.close()

    def close(self, name: str) -> None:
        """Accept the connections already queued in the kernel, then close. Nothing to do where it could not be opened."""
        self._incomplete.discard(name)
        if listener := self._by_name.get(name):
            listener.accept_waiting()
            listener.close()
            del self._by_name[name]
            self._count_sockets()
        self._say_whether_accepting()

    def _count_sockets(self) -> None:
        sockets = self._inbox_sockets + sum(listener.sockets for listener in self._by_name.values())
        self.most_sessions = most_sessions(sockets)
        self._lingering.most = most_lingering(self.most_sessions)

    def close_all(self) -> None:
        """Close every listener in that way. Clients that other workers have passed on already are still served."""
        self._drained.update(self._by_name)
        for name in list(self._by_name):
            self.close(name)
        if self._inboxes:
            self._inboxes.take_waiting()

    def stop(self) -> None:
        """Close every listener at once."""
        for listener in self._by_name.values():
            listener.close()
        self._by_name.clear()

    def _look_after_siblings(self) -> None:
        """Serve the clients of workers that do not accept, as long as they do not."""
        idle = self._siblings.not_accepting(monotonic())
        for listener in self._by_name.values():
            listener.serve(idle)
        if self._inboxes:
            self._inboxes.serve(idle)
        self._poller.call_later(LOOK_INTERVAL, self._look_after_siblings, cannot_go_on)

    def _arrived(self, name: str, client: int, peer: Peer) -> None:
        """Another worker has passed a client on. One that was in the inbox when this process started waits for its listener;
        later ones come only where this worker has it."""
        if listener := self._by_name.get(name) or self._drained.get(name):
            self._accepted(listener, client, peer)
        else:
            self._early.append((name, client, peer))

    def _say_whether_accepting(self) -> None:
        accepting = bool(self._by_name) and not self._incomplete and not self._paused
        self._counters.cells[self._accepting_cell] = accepting

    def pause_full(self) -> None:
        """Leave new clients in the kernel's queue: there are as many sessions as there can be."""
        lingering = len(self._lingering.sockets)
        beside = f" and {lingering} connections with last bytes" if lingering else ""
        self._pause(f"{len(self._sessions)} sessions{beside} are all that the limit of open files allows")

    def _pause(self, reason: str) -> None:
        """Leave new clients in the kernel's queue until sessions have ended."""
        if self._paused:
            return
        self._paused = True
        self._say_whether_accepting()
        for listener in self._by_name.values():
            listener.pause()
        if self._inboxes:
            self._inboxes.pause()
        self._log_now("warning", "accept_paused", {"reason": reason, "sessions": len(self._sessions)})
        self._poller.call_later(PAUSE_CHECK_INTERVAL, self._resume_when_possible, cannot_go_on)

    def _resume_when_possible(self) -> None:
        if len(self._sessions) + len(self._lingering.sockets) // 2 > self.most_sessions * 0.99:
            self._poller.call_later(PAUSE_CHECK_INTERVAL, self._resume_when_possible, cannot_go_on)
            return
        self._paused = False
        self._say_whether_accepting()
        self._log_now("info", "accept_resumed", {"sessions": len(self._sessions)})
        for listener in self._by_name.values():
            listener.resume()
        if self._inboxes:
            self._inboxes.resume()
