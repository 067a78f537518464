"""The pools while they run: each one's snapshot, what its probes say, and the slots of its backends.

Every change goes through here and becomes one event for all readers, so that routing, metrics, log and status agree.
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import assert_never

from app.control import clock
from app.control.totals import Totals
from app.core.backend import Backend, State
from app.core.buckets import PROBE_BUCKETS
from app.core.health import Health
from app.core.pool import BackendAdded, BackendAltered, BackendRemoved, Change, Member, Pool, StateChanged
from app.link.board import BACKENDS, POOLS, BackendCell
from app.settings import PoolSettings


@dataclass(slots=True)
class HealthRecord:
    """What the probes of one backend have said; times are Unix seconds, `latency` is in seconds."""

    health: Health = field(default_factory=Health)
    last_check: float | None = None
    last_result: str | None = None
    latency: float | None = None
    passed: int = 0
    failed: int = 0


class DurationCounts:
    """Observed seconds: their sum, and a count per bucket, the last for what is above all bounds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.sum += seconds


DISCOVERY_EVENTS = ("added", "removed", "altered", "failed")


@dataclass(slots=True)
class Discovery:
    """Where a pool's backends come from, whether that source has spoken, and how often what has happened.

    `last_sync` in Unix seconds.
    """

    source: str
    synced: bool = False
    last_sync: float | None = None
    events: Counter[str] = field(default_factory=Counter)


class LivePool:
    """One pool at work."""

    def __init__(
        self,
        name: str,
        settings: PoolSettings,
        source: str,
        totals: Totals,
        changed: "Callable[[LivePool, tuple[Change, ...]], None]",
    ) -> None:
        self.name, self.settings = name, settings
        self.discovery = Discovery(source)
        self.snapshot = Pool(name)
        self.slot = totals.allocate(POOLS)
        self.records: dict[str, HealthRecord] = {}
        self.slots: dict[str, int] = {}
        self.leaving: dict[str, Member] = {}
        self.probe_seconds = DurationCounts(PROBE_BUCKETS)
        self.settled = asyncio.Event()
        self.rebalance_dry_run = 0
        self._totals, self._changed = totals, changed

    @property
    def checked(self) -> bool:
        """Whether probes decide about this pool's backends."""
        return self.settings.health.type != "none"

    @property
    def ready(self) -> bool:
        """Whether enough backends are usable."""
        return self.snapshot.eligible >= self.settings.ready.min_backends

    @property
    def known(self) -> Iterator[Member]:
        """The backends of the pool, and those that have left it and still have connections."""
        yield from self.snapshot.members.values()
        yield from self.leaving.values()

    def active(self, name: str) -> int:
        """The connections of a known backend, those being dialled included."""
        return self._totals.total(BACKENDS, self.slots[name], BackendCell.ACTIVE)

    def count_by_state(self) -> dict[State, int]:
        """The number of known backends in each state, zero where there is none."""
        counts = Counter(member.state for member in self.known)
        return {state: counts[state] for state in State}

    def discovered(self, backends: Iterable[Backend], *, synced: bool = True) -> None:
        """Take over the list of backends that discovery has found; `synced` says whether it knows about all of them."""
        self.discovery.synced = synced
        if synced:
            self.discovery.last_sync = clock.now()
        snapshot, changes = self.snapshot.with_backends(backends, State.CHECKING, clock.now())
        for name in snapshot.members:
            if name not in self.slots:
                self.slots[name] = self._totals.allocate(BACKENDS)
            self.leaving.pop(name, None)
            self.records.setdefault(name, HealthRecord())
        self.snapshot = snapshot
        for change in changes:
            self._follow(change)
        self._announce(changes)
        if not self.checked:
            self._trust_resolved()
        self._settle()

    def probed(self, name: str, failure: str | None, latency: float) -> None:
        """Take over a probe's result: `failure` says why it failed, None that it passed."""
        record = self.records.get(name)
        if record is None:
            return  # the backend has left while it was probed
        health = self.settings.health
        record.health = record.health.after(passed=failure is None, rise=health.rise, fall=health.fall)
        record.last_check, record.last_result, record.latency = clock.now(), failure or "ok", latency
        self.probe_seconds.observe(latency)
        if failure is None:
            record.passed += 1
        else:
            record.failed += 1
        self._set_state(name, record.health.verdict, record.last_result)
        self._settle()

    def release_slots(self) -> None:
        """Give back the slots of backends that have left and whose last connection has closed."""
        for name in list(self.leaving):
            if not self.active(name):
                del self.leaving[name]
                self._totals.free(BACKENDS, self.slots.pop(name))

    def _follow(self, change: Change) -> None:
        """What discovery has changed, in the records."""
        name = change.member.backend.name
        match change:
            case BackendAdded():
                self.discovery.events["added"] += 1
            case BackendRemoved():
                self.discovery.events["removed"] += 1
                self.leaving[name] = replace(change.member, state=State.DRAINING, since=clock.now())
                del self.records[name]
            case BackendAltered():
                self.discovery.events["altered"] += 1
            case StateChanged():
                self.records[name].health = Health()
            case _:
                assert_never(change)

    def _trust_resolved(self) -> None:
        for name, member in self.snapshot.members.items():
            if member.backend.host:
                self._set_state(name, State.UP, "not checked")

    def _set_state(self, name: str, state: State, reason: str) -> None:
        self.snapshot, changes = self.snapshot.with_state(name, state, reason, clock.now())
        self._announce(changes)

    def _announce(self, changes: tuple[Change, ...]) -> None:
        if changes:
            self._changed(self, changes)

    def _settle(self) -> None:
        if self.settled.is_set():
            return
        members = self.snapshot.members.values()
        if members and not any(member.state is State.CHECKING for member in members):
            self.settled.set()
