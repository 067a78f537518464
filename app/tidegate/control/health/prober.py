"""Schedules the probes of a pool's backends: each at its own jittered times, and at once after a worker's dial failed."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic

from tidegate.control.health.outcome import LateError, NoResourcesError, outcome_of
from tidegate.control.log import event_log
from tidegate.control.pools.live_pool import LivePool
from tidegate.control.tasks import spawn
from tidegate.core.health.schedule import ProbePace, first_delay, next_due, spread_delay
from tidegate.core.health.traffic import Traffic
from tidegate.core.pools.backend import State
from tidegate.settings.words import HealthType

COMPLAINT_INTERVAL = 10.0

SHORTEST_PAUSE = 0.1
"""The least seconds between two probes of a backend, however often workers report failures."""

MOST_STARTS = 32
"""The most probes that start in one turn of the event loop, so that the admin port can answer between many due probes."""


@dataclass(slots=True, eq=False)
class ScheduledProbe:
    """The next probe of one backend: scheduled (it has a timer), waiting for a place, or running (it has a task).

    Times are of the monotonic clock. `in_rhythm` is False until its probes have been spread over the interval. `seen` is the
    traffic when it was last due.
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
    """Schedules the probes of each backend of a pool that is checked, and limits how many run at a time.

    A backend has a timer between its probes, and a task only while one is running. The limit is per pool instead of per
    process: a pool whose backends all hang fills its places for the whole timeout, and must not delay the probes of another
    pool. Backends wait for a place in the order in which they became due, each at most once, so none can starve another. A
    probe's timeout starts when it gets a place. There are descriptors for `most` probes at a time. Calls `failed(backend)`
    after each failed probe.
    """

    def __init__(self, pool: LivePool, most: int, failed: Callable[[str], None] = lambda _: None) -> None:
        self._pool, self._failed = pool, failed
        self._descriptors = most
        self._probes: dict[str, ScheduledProbe] = {}
        self._waiting: deque[ScheduledProbe] = deque()
        self._under_way = 0
        self._is_starting = False
        self._next_complaint = 0.0
        self._set_pace()

    def configure(self) -> None:
        """Follow new settings of the pool. A probe that is running keeps those that it began with."""
        self._set_pace()
        self.sync()
        for probe in self._probes.values():
            if probe.timer is not None:
                step = self._pace.step(self._pool.records[probe.name].health)
                self._schedule(probe, min(probe.due, monotonic() + spread_delay(step, random.random())))

    def _set_pace(self) -> None:
        health = self._pool.settings.health
        self._most = min(health.max_concurrent, self._descriptors)
        self._pace = ProbePace(health.interval, health.fast_interval, health.down_interval)

    def sync(self) -> None:
        """Start probing the pool's new backends, and stop probing those that have left."""
        members = {name: member for name, member in self._pool.snapshot.members.items() if self._pool.checks(member.backend)}
        for name in [name for name in self._probes if name not in members]:
            _give_up(self._probes.pop(name))
        for name in members:
            if name not in self._probes:
                probe = self._probes[name] = ScheduledProbe(name)
                self._schedule(probe, monotonic() + first_delay(self._pace.interval, len(members), random.random()))

    def hurry(self, name: str) -> None:
        """Probe this backend at once, at most every SHORTEST_PAUSE seconds. No effect while a probe waits or runs."""
        probe = self._probes.get(name)
        if probe is not None and probe.timer is not None:
            probe.is_urgent, probe.in_rhythm = True, False
            self._schedule(probe, min(probe.due, max(monotonic(), probe.ended + SHORTEST_PAUSE)))

    def stop(self) -> None:
        """Cancel all probes."""
        for probe in self._probes.values():
            _give_up(probe)
        self._probes.clear()

    def _schedule(self, probe: ScheduledProbe, due: float) -> None:
        if probe.timer is not None:
            probe.timer.cancel()
        probe.due = due
        probe.timer = asyncio.get_running_loop().call_later(max(0.0, due - monotonic()), self._came_due, probe)

    def _came_due(self, probe: ScheduledProbe) -> None:
        probe.timer = None
        if self._is_vouched_for(probe):
            self._pool.skipped(probe.name)
            probe.started = monotonic()
            self._schedule_next(probe)
        else:
            self._waiting.append(probe)
            self._start_soon()

    def _is_vouched_for(self, probe: ScheduledProbe) -> bool:
        """Whether the traffic since this backend was last due makes the probe unnecessary."""
        health = self._pool.settings.health
        if not health.skip_on_traffic:
            return False
        before, probe.seen = probe.seen, self._pool.slots.traffic(probe.name)
        if before is None or probe.is_urgent or self._pool.records[probe.name].health.undecided:
            return False
        is_up = self._pool.snapshot.members[probe.name].state is State.UP
        return is_up and probe.seen.vouches(before, connecting_suffices=health.type == HealthType.TCP)

    def _start_soon(self) -> None:
        if self._waiting and not self._is_starting:
            self._is_starting = True
            asyncio.get_running_loop().call_soon(self._start_waiting)

    def _start_waiting(self) -> None:
        self._is_starting = False
        most = self._most - self._under_way
        for probe in [self._waiting.popleft() for _ in range(min(most, MOST_STARTS, len(self._waiting)))]:
            if self._probes.get(probe.name) is probe:  # else it has left the pool while it waited
                self._under_way += 1
                probe.started = monotonic()
                probe.task = spawn(self._run(probe), f"probe {self._pool.name} {probe.name}")
                probe.task.add_done_callback(partial(self._ended, probe))
        if self._under_way < self._most:
            self._start_soon()

    async def _run(self, probe: ScheduledProbe) -> None:
        """Probe. If the backend's address has changed meanwhile, probe again, because the result is for the old address."""
        address = None
        try:
            while address != (backend := self._pool.snapshot.members[probe.name].backend).address:
                address, started = backend.address, monotonic()
                outcome = await outcome_of(backend, self._pool.settings.health, self._pool.name)
        except NoResourcesError as error:
            self._complain(error)
        except LateError:
            self._pool.probed_late(probe.name)
            probe.started, probe.in_rhythm = monotonic(), False  # probe again soon, spread out over the interval
        else:
            self._pool.probed(probe.name, outcome.failure, monotonic() - started, outcome.host)
            if outcome.failure is not None:
                self._failed(probe.name)

    def _ended(self, probe: ScheduledProbe, _task: asyncio.Task[None]) -> None:
        """Give the place to the next probe. Also called if the task was cancelled before its first step."""
        self._under_way -= 1
        self._start_soon()
        probe.task, probe.is_urgent, probe.ended = None, False, monotonic()
        if self._probes.get(probe.name) is probe:
            self._schedule_next(probe)

    def _schedule_next(self, probe: ScheduledProbe) -> None:
        step = self._pace.step(self._pool.records[probe.name].health)
        if probe.in_rhythm:
            due = next_due(probe.due, probe.started, step, random.random())
        else:
            due = probe.started + spread_delay(step, random.random())
        probe.in_rhythm = True
        self._schedule(probe, due)

    def _complain(self, error: NoResourcesError) -> None:
        if monotonic() >= self._next_complaint:
            self._next_complaint = monotonic() + COMPLAINT_INTERVAL
            event_log.error("probe_impossible", pool=self._pool.name, reason=str(error))


def _give_up(probe: ScheduledProbe) -> None:
    if probe.timer is not None:
        probe.timer.cancel()
    if probe.task is not None:
        probe.task.cancel()
