"""Moves live sessions after a pool has grown: closes the excess over the fair share, so that clients come back elsewhere.

The plan is made once for each growth. Made again and again it would follow the falling total of clients that do not come
back, and close more and more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

from tidegate.control.log import event_log
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.totals import Totals
from tidegate.control.workers.processes import Workers
from tidegate.core.pools.backend import State
from tidegate.core.pools.closing_pace import JITTER
from tidegate.core.pools.fair_share import Excess, Load, excesses, split
from tidegate.core.pools.snapshot import BackendRemoved, Change, PanicChanged
from tidegate.core.reasons import CloseReason
from tidegate.link.board import BACKENDS, CLOSED_CELL, POOLS, BackendCell
from tidegate.link.messages import CloseSessions, KeepSessions
from tidegate.settings.words import RebalanceMode

MARGIN = 5.0  # seconds that workers may be late before what is left of a plan is given up


@dataclass(frozen=True, slots=True)
class Running:
    """A plan that workers carry out; `deadline` is of the monotonic clock, `closed_before` what the pool had closed."""

    excesses: list[Excess]
    closed_before: int
    deadline: float

    @property
    def count(self) -> int:
        """How many sessions it closes at most."""
        return sum(excess.surplus for excess in self.excesses)


class Rebalancer:
    """The rebalancing of one pool. Without a mode it only notes which backends are up."""

    def __init__(self, pool: LivePool, totals: Totals, workers: Workers) -> None:
        self._pool, self._totals, self._workers = pool, totals, workers
        self._settings = pool.settings.rebalance
        self._up: set[str] = set()
        self._due: float | None = None
        self._running: Running | None = None

    def configure(self) -> None:
        """Take over the settings of the pool. A plan that they do not want any more ends."""
        settings = self._pool.settings.rebalance
        if settings.mode is not self._settings.mode:
            self.stop()
        self._settings = settings

    def changed(self, changes: Iterable[Change | PanicChanged], *, serving: bool) -> None:
        """Take over changes of the pool: growth is followed by a plan, unless no client had been served before.

        Any change of a backend ends a plan that is under way and lets it be made anew: what it was made for holds no more.
        """
        grown = self._follow(change for change in changes if not isinstance(change, PanicChanged))
        under_way = self._due is not None or self._running is not None
        self.stop()
        if serving and self._settings.mode is not RebalanceMode.OFF and (grown or under_way):
            # Before a slow start is over, clients that come back would return to where they were.
            self._due = monotonic() + self._settings.delay + self._pool.options.slow_start

    def tick(self, now: float) -> None:
        """Begin a plan once the pool has not changed for long enough, and end one that is done.

        To be called regularly with the time of the monotonic clock.
        """
        if self._due is not None and now >= self._due:
            self._due = None
            self._begin(now)
        elif self._running is not None and self._has_ended(self._running, now):
            self.stop()

    def stop(self) -> None:
        """End the plan: close no more sessions."""
        self._due = None
        if running := self._running:
            self._running = None
            for excess in running.excesses:
                self._workers.broadcast(KeepSessions(self._pool.name, excess.name))
            self._log_end(self._closed() - running.closed_before)

    def _follow(self, changes: Iterable[Change]) -> bool:
        """Whether any backend has come up."""
        grown = False
        for change in changes:
            name = change.member.backend.name
            if isinstance(change, BackendRemoved) or change.member.state is not State.UP:
                self._up.discard(name)
            elif name not in self._up:
                self._up.add(name)
                grown = True
        return grown

    def _begin(self, now: float) -> None:
        mode = self._settings.mode
        plan = excesses(self._loads(), self._settings.tolerance_percent / 100)
        count = sum(excess.surplus for excess in plan)
        if not plan:
            event_log.info("rebalance_not_needed", pool=self._pool.name, mode=mode.value)
            return
        event_log.info("rebalance_started", pool=self._pool.name, mode=mode.value, excess=count, backends=len(plan))
        if mode is RebalanceMode.DRY_RUN:
            self._pool.rebalance_tried(count)
            self._log_end(0)
            return
        slowest = max(self._order(plan)) + len(plan)
        seconds = slowest * len(self._workers.all) / self._settings.rate * (1 + JITTER)
        self._running = Running(plan, self._closed(), now + seconds + MARGIN)

    def _loads(self) -> list[Load]:
        """The backends among which connections are shared: those that are up, without backups while others are."""
        up = [member.backend for member in self._pool.snapshot.members.values() if member.state is State.UP]
        tier = [backend for backend in up if not backend.backup] or up
        return [
            Load(backend.name, backend.weight, self._pool.slots.active(backend.name), backend.max_connections)
            for backend in tier
        ]

    def _order(self, plan: list[Excess]) -> list[int]:
        """Tell each worker its part, by what it has of the sessions of each backend; answers how many each closes."""
        workers = self._workers.all
        rate = self._settings.rate / len(workers)
        orders = [0] * len(workers)
        for excess in plan:
            slot = self._pool.slots[excess.name]
            parts = split(excess.surplus, self._totals.by_worker(BACKENDS, slot, BackendCell.ACTIVE))
            for worker, part in zip(workers, parts, strict=True):
                if part:
                    orders[worker.number] += part
                    reason = CloseReason.REBALANCE.value
                    worker.send(CloseSessions(self._pool.name, excess.name, reason, part, excess.fair, 0.0, rate))
        return orders

    def _has_ended(self, running: Running, now: float) -> bool:
        """Whether the plan has closed all that it should, no backend is above its share, or its time is up."""
        return (
            self._closed() - running.closed_before >= running.count
            or now >= running.deadline
            or all(self._pool.slots.active(excess.name) <= excess.fair for excess in running.excesses)
        )

    def _closed(self) -> int:
        return self._totals.total(POOLS, self._pool.slot, CLOSED_CELL[CloseReason.REBALANCE])

    def _log_end(self, closed: int) -> None:
        event_log.info("rebalance_ended", pool=self._pool.name, mode=self._settings.mode.value, closed=closed)
