"""Closes the live sessions that control orders to be closed: of a backend that is gone, or a backend's excess.

Nothing of this exists while there is no order: no timer, no list, and no word of it in a session.
"""

from collections.abc import Mapping
from math import inf
from random import random
from time import monotonic

from tidegate.core.pools.closing_pace import pace
from tidegate.core.reasons import CloseReason
from tidegate.dataplane.loop.poller import Poller
from tidegate.dataplane.session.relaying import Relaying
from tidegate.dataplane.session.session import Session
from tidegate.link.messages import CloseSessions, KeepSessions, Message

RANK_INTERVAL = 5.0  # seconds, as all here; what was idle when a long order began may have become busy
RETRY_INTERVAL = 0.5  # for sessions that still dialled when their turn came
SHORTEST_WAIT, LONGEST_WAIT = 0.01, 0.25

Key = tuple[str, str]
"""The names of a pool and of one of its backends."""


class Closer:
    """All orders of a worker, one per backend at most. `sessions` are those of the worker."""

    def __init__(self, poller: Poller, sessions: Mapping[int, Session]) -> None:
        self._poller, self._sessions = poller, sessions
        self._orders: dict[Key, ClosingOrder] = {}
        self._timer_runs = False

    def received(self, message: Message) -> None:
        """Begin to close sessions, or close no more of them, as control says."""
        match message:
            case CloseSessions():
                self._begin(message)
            case KeepSessions():
                self._orders.pop((message.pool, message.backend), None)
            case _:
                raise AssertionError(f"not for a worker: {message}")

    def _begin(self, message: CloseSessions) -> None:
        """The sessions are looked up in the next round, once for all orders that come together."""
        self._orders[message.pool, message.backend] = ClosingOrder(message)
        if not self._timer_runs:
            self._timer_runs = True
            self._poller.call_later(SHORTEST_WAIT, self._round, self._drop_orders)

    def _round(self) -> None:
        now = monotonic()
        self._rank(now)
        orders_of_pool: dict[str, int] = {}
        for pool, _ in self._orders:
            orders_of_pool[pool] = orders_of_pool.get(pool, 0) + 1
        for key, order in list(self._orders.items()):
            order.close_due(now, orders_of_pool[key[0]])
            if order.done:
                del self._orders[key]
        self._timer_runs = bool(self._orders)
        if self._orders:
            wait = min(order.due_at for order in self._orders.values()) - now
            self._poller.call_later(min(max(wait, SHORTEST_WAIT), LONGEST_WAIT), self._round, self._drop_orders)

    def _drop_orders(self) -> None:
        """A bug in a round ends all orders and nothing else."""
        self._orders.clear()
        self._timer_runs = False

    def _rank(self, now: float) -> None:
        """Look through the sessions once for all orders that need it."""
        found: dict[Key, list[Session]] = {key: [] for key, order in self._orders.items() if order.needs_ranking(now)}
        if not found:
            return
        for session in self._sessions.values():
            backend = session.backend
            if backend is not None and (sessions := found.get((session.pool.name, backend.name))) is not None:
                sessions.append(session)
        for key, sessions in found.items():
            self._orders[key].ranked(sessions, now)


class ClosingOrder:
    """What is to be closed of one backend. Times are of the monotonic clock."""

    def __init__(self, message: CloseSessions) -> None:
        self._message = message
        self._reason = CloseReason(message.reason)
        self._queue: list[Session] = []  # the next one last
        self._ranked_at = -inf
        self._count = self._left = 0
        self._credit = 0.0
        self.due_at = -inf
        self.done = False

    def needs_ranking(self, now: float) -> bool:
        """Whether it has to be told which sessions there are."""
        return now - self._ranked_at >= (RANK_INTERVAL if self._queue else RETRY_INTERVAL)

    def ranked(self, sessions: list[Session], now: float) -> None:
        """Take over the sessions that are on the backend now or dial it."""
        if self._ranked_at == -inf:
            self._count = self._left = min(len(sessions), self._message.most or len(sessions))
        self._ranked_at = now
        self._queue = sorted(sessions, key=_idleness, reverse=True)
        self.done = not sessions or not self._left

    def close_due(self, now: float, orders: int) -> None:
        """Close what is due, in a pool that has so many orders at the moment."""
        if self.done or now < self.due_at:
            return
        steps = pace(self._count, self._message.window, self._message.rate / orders)
        if self.due_at == -inf:
            self.due_at = now + steps.first_delay(random())
            return
        self.due_at = now + steps.delay(random())
        self._credit += steps.per_round
        self._close(int(self._credit))
        self._credit %= 1

    def _close(self, count: int) -> None:
        while count and self._queue and not self.done:
            session = self._queue.pop()
            backend = session.backend
            if not isinstance(session.phase, Relaying) or backend is None or backend.name != self._message.backend:
                continue  # it has ended, or it dials: once it is connected, the next ranking finds it
            if backend.active <= self._message.keep:
                self.done = True
                return
            session.end(self._reason)
            count -= 1
            self._left -= 1
            self.done = not self._left


def _idleness(session: Session) -> tuple[float, int]:
    """Least for the one to close first: the longest without a byte, among equals the oldest."""
    return session.active_at, session.number
