"""Probes the backends of a pool, each at its own jittered times, and at once when a worker could not connect."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic

import structlog

from tidegate.control.health.outcome import LateError, NoResourcesError, outcome_of
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.spawn import spawn
from tidegate.core.health.schedule import ProbePace, first_delay, next_due, spread_delay
from tidegate.core.health.traffic import Traffic
from tidegate.core.pools.backend import State
from tidegate.settings import HealthType

COMPLAINT_INTERVAL = 10.0

_log = structlog.get_logger()

SHORTEST_PAUSE = 0.1
"""Seconds between two probes of a backend however often workers report failures."""

MOST_STARTS = 32
"""Probes that start in one turn of the loop, so that the admin routes answer in between when many are due at once."""


@dataclass(slots=True, eq=False)
class ScheduledProbe:
    """The next probe of one backend: scheduled (it has a timer), waiting for a place, or under way (it has a task).

    Times are of the monotonic clock. `in_rhythm` is False until the moment of its probes has been spread over the interval;
    `seen` is the traffic at its last turn.
    """

    name: str
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    due: float = 0.0
    started: float = 0.0
    ended: float = -SHORTEST_PAUSE
    in_rhythm: bool = False
    is_urgent: bool = False
    seen: Traffic | None = None


class Probers:
    """When each backend of a pool that is checked is probed, and how many at a time.

    A backend has a timer between its probes, and a task only while one is under way. The cap is the pool's, not the
    process's: a pool whose backends all hang fills its places for the whole timeout, and must not hold up the probes of
    another. Backends wait for a place in the order in which they became due, each at most once, so none can starve another;
    a probe's timeout starts when it has a place. There are descriptors for `most` probes at a time.
    `failed(backend)` is told each failure.
    """

    def __init__(self, pool: LivePool, most: int, failed: Callable[[str], None] = lambda _: None) -> None:
        self._pool, self._failed = pool, failed
        health = pool.settings.health
        self._most = min(health.max_concurrent, most)
        self._pace = ProbePace(health.interval, health.fast_interval, health.down_interval)
        self._turns: dict[str, ScheduledProbe] = {}
        self._waiting: deque[ScheduledProbe] = deque()
        self._under_way = 0
        self._is_starting = False
        self._next_complaint = 0.0

    def sync(self) -> None:
        """Probe exactly the backends that the pool has now."""
        members = {name: member for name, member in self._pool.snapshot.members.items() if self._pool.checks(member.backend)}
        for name in [name for name in self._turns if name not in members]:
            _give_up(self._turns.pop(name))
        for name in members:
            if name not in self._turns:
                turn = self._turns[name] = ScheduledProbe(name)
                self._schedule(turn, monotonic() + first_delay(self._pace.interval, len(members), random.random()))

    def hurry(self, name: str) -> None:
        """Probe this backend at once, unless it is being probed; not more often than every SHORTEST_PAUSE."""
        turn = self._turns.get(name)
        if turn is not None and turn.timer is not None:
            turn.is_urgent, turn.in_rhythm = True, False
            self._schedule(turn, min(turn.due, max(monotonic(), turn.ended + SHORTEST_PAUSE)))

    def stop(self) -> None:
        """End all probes."""
        for turn in self._turns.values():
            _give_up(turn)
        self._turns.clear()

    def _schedule(self, turn: ScheduledProbe, due: float) -> None:
        if turn.timer is not None:
            turn.timer.cancel()
        turn.due = due
        turn.timer = asyncio.get_running_loop().call_later(max(0.0, due - monotonic()), self._came_due, turn)

    def _came_due(self, turn: ScheduledProbe) -> None:
        turn.timer = None
        if self._is_vouched_for(turn):
            self._pool.skipped(turn.name)
            turn.started = monotonic()
            self._schedule_next(turn)
        else:
            self._waiting.append(turn)
            self._start_soon()

    def _is_vouched_for(self, turn: ScheduledProbe) -> bool:
        """Whether the traffic since the last turn makes this probe unnecessary."""
        health = self._pool.settings.health
        if not health.skip_on_traffic:
            return False
        before, turn.seen = turn.seen, self._pool.traffic(turn.name)
        if before is None or turn.is_urgent or self._pool.records[turn.name].health.undecided:
            return False
        is_up = self._pool.snapshot.members[turn.name].state is State.UP
        return is_up and turn.seen.vouches(before, connecting_suffices=health.type == HealthType.TCP)

    def _start_soon(self) -> None:
        if self._waiting and not self._is_starting:
            self._is_starting = True
            asyncio.get_running_loop().call_soon(self._start_waiting)

    def _start_waiting(self) -> None:
        self._is_starting = False
        most = self._most - self._under_way
        for turn in [self._waiting.popleft() for _ in range(min(most, MOST_STARTS, len(self._waiting)))]:
            if self._turns.get(turn.name) is turn:  # it may have left the pool while it waited
                self._under_way += 1
                turn.started = monotonic()
                turn.task = spawn(self._take(turn), f"probe {self._pool.name} {turn.name}")
                turn.task.add_done_callback(partial(self._ended, turn))
        if self._under_way < self._most:
            self._start_soon()

    async def _take(self, turn: ScheduledProbe) -> None:
        """Probe; once more where the backend has moved meanwhile, for the result says nothing about where it is now."""
        address = None
        try:
            while address != (backend := self._pool.snapshot.members[turn.name].backend).address:
                address, started = backend.address, monotonic()
                outcome = await outcome_of(backend, self._pool.settings.health, self._pool.name)
        except NoResourcesError as error:
            self._complain(error)
        except LateError:
            self._pool.probed_late(turn.name)
            turn.started, turn.in_rhythm = monotonic(), False  # soon, and not all of them at once
        else:
            self._pool.probed(turn.name, outcome.failure, monotonic() - started, outcome.host)
            if outcome.failure is not None:
                self._failed(turn.name)

    def _ended(self, turn: ScheduledProbe, _task: asyncio.Task[None]) -> None:
        """Give the place to the next one. Called also when the task was cancelled before its first step."""
        self._under_way -= 1
        self._start_soon()
        turn.task, turn.is_urgent, turn.ended = None, False, monotonic()
        if self._turns.get(turn.name) is turn:
            self._schedule_next(turn)

    def _schedule_next(self, turn: ScheduledProbe) -> None:
        step = self._pace.step(self._pool.records[turn.name].health)
        if turn.in_rhythm:
            due = next_due(turn.due, turn.started, step, random.random())
        else:
            due = turn.started + spread_delay(step, random.random())
        turn.in_rhythm = True
        self._schedule(turn, due)

    def _complain(self, error: NoResourcesError) -> None:
        if monotonic() >= self._next_complaint:
            self._next_complaint = monotonic() + COMPLAINT_INTERVAL
            _log.error("probe_impossible", pool=self._pool.name, reason=str(error))


def _give_up(turn: ScheduledProbe) -> None:
    if turn.timer is not None:
        turn.timer.cancel()
    if turn.task is not None:
        turn.task.cancel()
