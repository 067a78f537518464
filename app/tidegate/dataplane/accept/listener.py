"""Accepts clients on the listening sockets that control has bound, and turns each into a session."""

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from errno import EAGAIN
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING

from tidegate.core.listener_options import ListenerOptions
from tidegate.core.reasons import NO_RESOURCES, RejectReason
from tidegate.core.token_bucket import TokenBucket
from tidegate.dataplane.loop.handler import cannot_go_on
from tidegate.dataplane.loop.poller import IN, IN_FOR_ONE, Poller
from tidegate.dataplane.report.counters import Counters
from tidegate.dataplane.routing.routing_pool import RoutingPool
from tidegate.dataplane.wire import Cell, accept, peek
from tidegate.link.board import LISTENERS, REJECTED_CELL, ListenerCell
from tidegate.link.messages import ListenerAdded
from tidegate.link.sockets import BACKLOG

if TYPE_CHECKING:
    from tidegate.core.preface.access_list import AccessList
    from tidegate.dataplane.accept.client_limits import ClientLimits
    from tidegate.dataplane.accept.preface_rules import PrefaceRules

ACCEPTS_PER_EVENT = 64  # then live sessions get their turn

Peer = tuple[str, int]
PassOn = Callable[["Listener", int, Peer], bool]


class Listener:
    """One listener with its sockets, which it owns, and its counters.

    It has copies of the sockets of all other workers, to serve those that do not accept. `pass_on(listener, client, peer)`
    answers whether a new client is another worker's from now on; None while there is no other.

    `accepted(listener, client, peer)` takes over each new connection, unless it raises; `stuck(reason)` is told when this
    worker cannot accept now, because the system has no descriptor or memory left, or because of a bug.
    """

    def __init__(
        self,
        poller: Poller,
        counters: Counters,
        message: ListenerAdded,
        pools: Mapping[str, RoutingPool],
        sockets: list[socket.socket],
        pass_on: PassOn | None = None,
    ) -> None:
        self._poller = poller
        self.pass_on = pass_on
        self._counters, self._slot = counters, message.slot
        self._cells = counters.cells
        self._cell = counters.slot(LISTENERS, message.slot)
        self.active_cell: Cell = self._cell + ListenerCell.ACTIVE
        self._total_cell: Cell = self._cell + ListenerCell.TOTAL
        self.active_elsewhere = counters.elsewhere(LISTENERS, message.slot, ListenerCell.ACTIVE)
        self.open_elsewhere = counters.elsewhere(LISTENERS, message.slot, ListenerCell.OPEN)
        self.name = message.name
        self.pool, self._pools = pools[message.pool], pools
        self.preface: PrefaceRules | None = None
        self._clients: ClientLimits | None = None
        self.configure(message.options)
        self._worker = counters.worker
        self._acceptors = {self._worker: [Acceptor(self, sock) for sock in sockets]}  # by the worker whose sockets they are
        self._served = {self._worker}
        self._suspended = self._over_rate = self._closed = False
        self.paused = True  # whether it does not accept at the moment

    def configure(self, options: ListenerOptions) -> None:
        """Take over options; they decide about new sessions, and each worker gets its share of the rate."""
        self._most = options.max_connections
        self._configure_preface(options)
        self._access: AccessList | None = None
        if options.allow is not None or options.deny:
            self._access = _access_list(options)
        if self._clients is None and (options.max_connections_per_client or options.accept_rate_per_client):
            self._clients = _client_limits(self._counters, self._slot)
        if self._clients is not None:  # sessions that were counted are there still
            self._clients.configure(options)
        self.limited = bool(self._most or self._clients)
        self.bucket: TokenBucket | None = None
        if options.accept_rate:
            workers = self._counters.workers
            self.bucket = TokenBucket(options.accept_rate / workers, max(1, options.accept_burst // workers))
        self.selects = bool(self._access or self.bucket)

    def _configure_preface(self, options: ListenerOptions) -> None:
        if self.preface is None and (options.proxies or options.routes):
            from tidegate.dataplane.accept.preface_rules import PrefaceRules  # noqa: PLC0415  most listeners have none

            self.preface = PrefaceRules(self._poller, self._pools)
        if self.preface is not None:
            self.preface.configure(options)

    def _is_proxy(self, host: str) -> bool:
        """Whether clients come through this address, and are judged by the one that the PROXY header names."""
        return self.preface is not None and self.preface.is_proxy(host)

    @property
    def sockets(self) -> int:
        """How many sockets it has, those of other workers included."""
        return sum(map(len, self._acceptors.values()))

    def open(
        self,
        accepted: "Callable[[Listener, int, Peer], None]",
        stuck: Callable[[str], None],
    ) -> None:
        """Begin to accept."""
        self.accepted, self.stuck = accepted, stuck
        self.paused = False
        self._cells[self._cell + ListenerCell.OPEN] = 1
        self._begin(self._worker)

    def share(self, worker: int, sockets: list[socket.socket]) -> None:
        """Take copies of the sockets of another worker, which the listener owns from now on. Those it has, it keeps."""
        if worker in self._acceptors:
            for sock in sockets:
                sock.close()
        else:
            self._acceptors[worker] = [Acceptor(self, sock) for sock in sockets]

    def serve(self, workers: set[int]) -> None:
        """Accept in place of exactly these other workers."""
        served = {self._worker, *workers} & self._acceptors.keys()
        if not self.paused:
            for worker in self._served - served:
                self._end(worker)
            for worker in served - self._served:
                self._begin(worker)
        self._served = served

    def _begin(self, worker: int) -> None:
        """Watch the sockets of a worker."""
        for acceptor in self._acceptors[worker]:
            events = IN if worker == self._worker and not acceptor.is_shared else IN_FOR_ONE
            self._poller.loop.register(acceptor.descriptor, events, acceptor)

    def _end(self, worker: int) -> None:
        for acceptor in self._acceptors[worker]:
            self._poller.loop.unregister(acceptor.descriptor)

    def pause(self) -> None:
        """Leave new clients in the kernel's queue until `resume`."""
        if not self._suspended:
            self._suspended = True
            self._cells[self._cell + ListenerCell.ACCEPT_PAUSES] += 1
            self._watch()

    def resume(self) -> None:
        """Accept again."""
        self._suspended = False
        self._watch()

    def within_rate(self) -> bool:
        """Whether one more may be accepted now; if not, pause until there is a token."""
        assert self.bucket is not None
        wait = self.bucket.wait(monotonic())
        if not wait:
            return True
        self._over_rate = True
        self._cells[self._cell + ListenerCell.RATE_PAUSES] += 1
        self._watch()
        self._poller.call_later(wait, self._rate_allows, cannot_go_on)
        return False

    def _rate_allows(self) -> None:
        self._over_rate = False
        self._watch()

    def _watch(self) -> None:
        """Watch the sockets, unless the listener is suspended or over its rate."""
        paused = self._suspended or self._over_rate
        if paused is self.paused or self._closed:
            return
        self.paused = paused
        for worker in self._served:
            if paused:
                self._end(worker)
            else:
                self._begin(worker)

    def accept_waiting(self) -> None:
        """Accept all clients in the kernel's queues, as far as the rate allows, and a bounded number of later ones.

        Passes none of them on from now on.
        """
        self.pass_on = None
        for acceptor in self._all_acceptors():
            for _ in range(BACKLOG // ACCEPTS_PER_EVENT):
                if not acceptor.accept_some():
                    break

    def close(self) -> None:
        """Stop accepting, and close the sockets."""
        self._cells[self._cell + ListenerCell.OPEN] = 0
        if not self.paused:
            for worker in self._served:
                self._end(worker)  # control holds the sockets open, so that closing would not end their events
        for acceptor in self._all_acceptors():
            self._poller.loop.close(acceptor.sock.detach())
        self._closed = True

    def _all_acceptors(self) -> "Iterable[Acceptor]":
        return chain.from_iterable(self._acceptors.values())

    def opened(self) -> None:
        """Count a session that has begun, here and at the pool."""
        self._cells.one_more(self.active_cell, self._total_cell, self.pool.active_cell)

    def refusal(self, session: object, client: str) -> RejectReason | None:
        """Why a session that has just been counted, of a client with this IP address, is one too many, if it is."""
        cells = self._cells
        if self._most and cells[self.active_cell] + sum(cells[cell] for cell in self.active_elsewhere) > self._most:
            return RejectReason.MAX_CONNECTIONS
        return self._clients.refusal(session, client, self._poller.now) if self._clients else None

    def closed(self, session: object) -> None:
        """A session of a listener with limits has ended; the pool counts it."""
        if self._clients:
            self._clients.counts.leave(session)

    def rerouted(self, before: RoutingPool, now: RoutingPool) -> None:
        """Count a session at the pool that its first bytes lead to."""
        self._cells[before.active_cell] -= 1
        self._cells[now.active_cell] += 1

    def allows(self, host: str) -> bool:
        """Whether the access list lets in a client with this IP address."""
        return self._access is None or self._access.allows(host)

    def lets_in(self, client: int, host: str) -> bool:
        """Whether a client that was just accepted from this IP address may have a session; if not, it is closed."""
        if not self.allows(host) and not self._is_proxy(host):
            self.rejected(RejectReason.DENIED)
        elif self.bucket and _has_left(client):  # while it waited: it must not use up the rate of one that still waits
            self.rejected(RejectReason.CLIENT_GONE)
        else:
            if self.bucket:
                self.bucket.take(monotonic())
            return True
        self._poller.loop.close(client)
        return False

    def rejected(self, reason: RejectReason) -> None:
        """Count a client that was turned away before a dial."""
        self._cells[self._cell + REJECTED_CELL[reason]] += 1


class Acceptor:
    """Accepts on one listening socket of a listener."""

    def __init__(self, listener: Listener, sock: socket.socket) -> None:
        self.listener, self.sock = listener, sock
        self.descriptor = sock.fileno()
        self.is_shared = sock.family == socket.AF_UNIX  # one for all workers; of TCP each has one of its own

    def ready(self, _events: int) -> None:
        """Accept pending connections."""
        self.accept_some()

    def failed(self) -> None:
        """Pause after a bug in an accept, which the next accept may meet, too."""
        self.listener.stuck("a bug")

    def accept_some(self) -> bool:
        """Accept clients that wait, at most ACCEPTS_PER_EVENT; answers whether there may be more."""
        listener = self.listener
        bucket = listener.bucket
        for _ in range(ACCEPTS_PER_EVENT):
            if listener.paused or (bucket and not listener.within_rate()):
                return False
            accepted = accept(self.descriptor)
            if isinstance(accepted, int):
                if accepted == -EAGAIN:
                    return False
                if -accepted in NO_RESOURCES:
                    listener.stuck(os.strerror(-accepted))
                    return False
                continue  # a client that was gone before it was accepted
            client = accepted[0]
            if listener.selects and not listener.lets_in(client, accepted[1]):
                continue
            try:
                peer = accepted[1], accepted[2]
                if listener.pass_on is None or not listener.pass_on(listener, client, peer):
                    listener.accepted(listener, client, peer)
            except Exception:  # most likely no memory is left
                os.close(client)
                raise
        return True


def _has_left(client: int) -> bool:
    """Whether a client that has just been accepted has reset the connection, or closed it without sending."""
    return peek(client) not in (1, -EAGAIN)


def _access_list(options: ListenerOptions) -> "AccessList":
    from tidegate.core.preface.access_list import parse_access_list  # noqa: PLC0415  most listeners have none

    return parse_access_list(options.allow, options.deny)


def _client_limits(counters: Counters, slot: int) -> "ClientLimits":
    from tidegate.dataplane.accept.client_limits import ClientLimits  # noqa: PLC0415  its hash loads OpenSSL, 4 MB that others do without

    return ClientLimits(counters, slot)
