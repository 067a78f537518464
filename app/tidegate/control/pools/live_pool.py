"""The pools while they run: each one's snapshot, what its probes say, and the slots of its backends.

Every change goes through here and becomes one event for all readers, so that routing, metrics, log and status agree.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, assert_never

from tidegate.control import clock
from tidegate.control.discovery import INITIAL
from tidegate.control.pools.affinity import ControlAffinity
from tidegate.control.pools.ejections import Ejections
from tidegate.control.pools.moves import Moves
from tidegate.control.pools.records import Discovery, DurationCounts, HealthRecord
from tidegate.control.pools.slots import BackendSlots
from tidegate.control.pools.warming import Warming
from tidegate.control.totals import Totals
from tidegate.core.buckets import PROBE_BUCKETS
from tidegate.core.health.backend_state import state_of
from tidegate.core.health.outlier import Failures
from tidegate.core.health.rise_fall import Health, Verdict
from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.panic import PanicRule
from tidegate.core.pools.snapshot import (
    BackendAdded,
    BackendAltered,
    BackendRemoved,
    Change,
    Member,
    PanicChanged,
    PoolSnapshot,
    StateChanged,
)
from tidegate.link.board import POOLS
from tidegate.link.messages import BackendFailed
from tidegate.settings.words import Initial, WhenAllDown

if TYPE_CHECKING:
    from tidegate.settings.parts.pool import PoolSettings

Admit = Callable[[Iterable[Backend]], tuple[list[Backend], str]]
"""Returns which of the backends that discovery has found may be used, and in words why not the others."""


def everything(backends: Iterable[Backend]) -> tuple[list[Backend], str]:
    """Admit all."""
    return list(backends), ""


class LivePool:
    """One pool at work."""

    def __init__(
        self,
        name: str,
        settings: "PoolSettings",
        source: str,
        totals: Totals,
        changed: "Callable[[LivePool, tuple[Change | PanicChanged, ...]], None]",
        admit: Admit = everything,
    ) -> None:
        self.name = name
        self.discovery = Discovery(source)
        self.snapshot = PoolSnapshot(name)
        self.slot = totals.allocate(POOLS)
        self.records: dict[str, HealthRecord] = {}
        self.slots = BackendSlots(totals)
        self.ejections = Ejections()
        self.warming = Warming(settings.slow_start)
        self.probe_seconds = DurationCounts(PROBE_BUCKETS)
        self.affinity: ControlAffinity | None = None
        self.settled = asyncio.Event()
        self.rebalance_dry_run = 0
        self._changed, self._admit = changed, admit
        self._draining: set[str] = set()
        self._moves = Moves(settings.connect_timeout)
        self.configure(settings)

    def configure(self, settings: "PoolSettings") -> None:
        """Take over new settings. They decide from the next event on; what has been decided stays."""
        self.settings, self.options = settings, settings.options
        self._panic_rule = PanicRule(settings.when_all_down is WhenAllDown.TRY_ALL, settings.panic_threshold)
        self.ejections.configure(settings)
        self.warming.configure(self.options.slow_start)
        self._moves.configure(self.options.connect_timeout)
        ttl, max_clients = self.options.affinity_ttl, self.options.affinity_max_clients
        if not ttl:
            self.affinity = None
        elif self.affinity is None:
            self.affinity = ControlAffinity(self.name, ttl, max_clients)
        else:
            self.affinity.configure(ttl, max_clients)

    @property
    def checked(self) -> bool:
        """Whether probes decide about this pool's backends."""
        return self.settings.health.type != "none"

    def checks(self, backend: Backend) -> bool:
        """Whether probes decide about this backend."""
        return self.checked and not backend.no_check

    @property
    def initial(self) -> Verdict:
        """What a backend is before its first probe, once it has an address; without checks this lasts for no time."""
        given = self.settings.health.initial
        if given is None or not self.checked:
            return INITIAL[self.discovery.source]
        return State.UP if given is Initial.UP else State.CHECKING

    @property
    def ready(self) -> bool:
        """Whether enough backends are usable."""
        return self.snapshot.eligible >= self.settings.ready.min_backends

    @property
    def known(self) -> Iterator[Member]:
        """The backends of the pool, and those that have left it and still have connections."""
        yield from self.snapshot.members.values()
        yield from self.slots.leaving.values()

    def discovered(
        self, backends: Iterable[Backend], draining: Iterable[Backend] = (), *, synced: bool = True, reason: str = ""
    ) -> None:
        """Take over the list of backends that discovery has found; `synced` says whether it knows about all of them, and
        `reason` why it does not.

        Those that are `draining` keep their sessions and get no new ones; one that the pool does not have yet stays out.
        """
        leaving = [backend for backend in draining if backend.name in self.snapshot.members]
        usable, self.discovery.refused = self._admit(backends)
        listed = self.slots.that_fit([*usable, *leaving])
        cut = f"no room for {self.slots.left_out} more backends" if self.slots.left_out else None
        self.discovery.update(synced=synced, reason=reason or cut)
        before = self.snapshot.members
        self.snapshot, changes = self.snapshot.with_backends(listed, self.initial, clock.now())
        for change in changes:
            self._follow(change, before.get(change.member.backend.name))
        if self.affinity:
            gone = {change.member.backend.name for change in changes if isinstance(change, BackendRemoved)}
            self.affinity.remove_backends(gone)
        self._announce((*changes, *self._drain({backend.name for backend in leaving})))
        for name in self.ejections.excess(len(self.snapshot.members)):
            self._restore(name, "the pool has become too small for so many ejections")
        self._trust_unchecked()
        self._settle()

    def discovery_reported(self, *, synced: bool, reason: str | None = None) -> None:
        """Take over whether discovery knows about all backends now, and why not, or why it has none."""
        self.discovery.update(synced=synced, reason=reason)

    def discovery_failed(self) -> None:
        """Count an attempt of discovery that failed."""
        self.discovery.events["failed"] += 1

    def rebalance_tried(self, sessions: int) -> None:
        """Count the sessions that a rebalance would have closed, were it not a dry run."""
        self.rebalance_dry_run += sessions

    def probed(self, name: str, failure: str | None, latency: float, host: str = "") -> None:
        """Take over a probe's result: `failure` says why it failed, None that it passed; `host` at which address.

        Where that is another address of the name, the backend is there from now on, and this was its first probe.
        """
        record = self.records.get(name)
        if record is None:
            return  # the backend has left while it was probed
        if host and host != self.snapshot.members[name].backend.host:
            if not self._move(name, host):
                return  # nor is it an address of the name any more
            self.ejections.forget(name)
            record.health = Health()
        health = self.settings.health
        result = record.ended(failure, latency, rise=health.rise, fall=health.fall)
        self.probe_seconds.observe(latency)
        if record.health.verdict is not State.UP:
            self.ejections.restore(name, monotonic())  # it is down, and is up again when its probes say so
            self._review(name, result)
        elif self.ejections.probed(name, passed=failure is None, elsewhere=self._is_probed_elsewhere(name)):
            self._restore(name, f"{health.rise} checks in a row succeeded")
        else:
            self._review(name, result)
        self._settle()

    def probed_late(self, name: str) -> None:
        """Take note of a probe that says nothing, because control was late itself."""
        if record := self.records.get(name):
            record.ended_late()

    def skipped(self, name: str) -> None:
        """Take note of a probe that was left out because the backend's traffic succeeds."""
        self.records[name].spared()

    def failed(self, message: BackendFailed) -> None:
        """Take over a worker's report of failures, and eject the backend when they are too many in a row."""
        name = message.backend
        member = self.snapshot.members.get(name)
        if member is None or member.state is not State.UP or self._has_recovered(message):
            return
        counts = message.dials, message.resets, message.early_ends, message.disputed
        failures = Failures(*counts, frozenset(message.clients), message.reason)
        if failures.dials and not self._probes_find_addresses(member.backend):
            self._move_on(member.backend, failures.reason)
        if self.ejections.failed(name, failures, self.slots.good(name)) and self.ejections.may_eject(
            len(self.snapshot.members), self.snapshot.count(State.UP)
        ):
            ejection = self.ejections.eject(name, monotonic())
            self._review(name, str(ejection.failures), ejection.seconds)

    def _probes_find_addresses(self, backend: Backend) -> bool:
        """Whether probes go to the addresses of the backend; otherwise failed dials have to tell which of them work."""
        return self.checks(backend) and self.settings.health.address is None

    def _move_on(self, backend: Backend, reason: str) -> None:
        """To the next address, as a dial has failed for this reason. What has failed in a row still counts: were it
        forgotten, a backend none of whose addresses works would never be ejected."""
        if backend.others and self._moves.may_move(backend.name, reason, monotonic()):
            self._move(backend.name, backend.others[0])

    def _move(self, name: str, host: str) -> bool:
        """Use another address of a backend's name, if it is one."""
        self.snapshot, changes = self.snapshot.with_host(name, host)
        self.discovery.events["altered"] += len(changes)
        self._announce(changes)
        return bool(changes)

    def restore_due(self) -> None:
        """End the ejections whose time is over."""
        for name in self.ejections.due(monotonic()):
            self._restore(name, "its time is over")

    def release_slots(self) -> None:
        """Give back the slots of backends that have left and whose last connection has closed."""
        for name in self.slots.release():
            self.ejections.forget_total(name)

    def settle(self) -> None:
        """Clients may come from now on, even if some backends have not been probed: from now on health can be ignored."""
        if not self.settled.is_set():
            self.settled.set()
            self._announce(())

    def _is_probed_elsewhere(self, name: str) -> bool:
        health, backend = self.settings.health, self.snapshot.members[name].backend
        return health.port not in {None, backend.port} or health.address not in {None, backend.host}

    def _has_recovered(self, message: BackendFailed) -> bool:
        """Whether the worker has had a good session since it wrote its report."""
        return self.slots.good_at(message.worker, message.backend) > message.good

    def _restore(self, name: str, reason: str) -> None:
        seconds = self.ejections.restore(name, monotonic())
        self._review(name, reason, seconds)

    def _follow(self, change: Change, before: Member | None) -> None:
        """What discovery has changed, in the records."""
        backend = change.member.backend
        name = backend.name
        match change:
            case BackendAdded():
                self.discovery.events["added"] += 1
                self.slots.joined(name)
                self.records[name] = HealthRecord(self._first_health(backend))
            case BackendRemoved():
                self.discovery.events["removed"] += 1
                self.slots.left(change.member)
                del self.records[name]
                self.ejections.forget(name)
                self._moves.forget(name)
            case BackendAltered():
                self.discovery.events["altered"] += 1
                if before and backend.is_another(before.backend):
                    self.ejections.forget(name)
                    self.records[name].health = self._first_health(backend)
            case StateChanged():
                pass  # it follows from another address, with which its probes have begun anew
            case _:
                assert_never(change)

    def _first_health(self, backend: Backend) -> Health:
        """What is known before the first probe."""
        return Health(self.initial if backend.host else State.CHECKING)

    def _drain(self, names: set[str]) -> tuple[Change, ...]:
        """Drain these backends, and no others any more: those get the state that their probes say."""
        now = clock.now()
        back = [name for name in self._draining - names if name in self.records]
        self._draining = names
        states = {name: self._state(name) for name in back}
        self.snapshot, returned = self.snapshot.with_states(states, "listed as usable again", now)
        self.snapshot, drained = self.snapshot.with_states(
            dict.fromkeys(names, State.DRAINING), "not to be used any more", now
        )
        return returned + drained

    def _state(self, name: str) -> State:
        """What probes, traffic and discovery together say about a backend."""
        if name in self._draining:
            return State.DRAINING
        return state_of(self.records[name].health.verdict, self.ejections.of(name))

    def _trust_unchecked(self) -> None:
        """Backends without probes are up once they have an address."""
        trusted = [
            name
            for name, member in self.snapshot.members.items()
            if not self.checks(member.backend) and member.backend.host and self.records[name].health.verdict is not State.UP
        ]
        for name in trusted:
            self.records[name].health = Health(State.UP)
        if not trusted:
            return
        states = {name: self._state(name) for name in trusted}
        self.snapshot, changes = self.snapshot.with_states(states, "not checked", clock.now())
        self._announce(changes)

    def _review(self, name: str, reason: str, seconds: float | None = None) -> None:
        """The one place where what probes say and what traffic says become the state of a backend."""
        self.snapshot, changes = self.snapshot.with_state(name, self._state(name), reason, clock.now(), seconds)
        if changes:  # most probes change nothing
            self._announce(changes)

    def _announce(self, changes: tuple[Change, ...]) -> None:
        """Tell what has changed, in one piece with whether health is ignored now: routing must see no moment in between."""
        self.warming.follow(changes, settled=self.settled.is_set())
        panic = self.settled.is_set() and self._panic_rule.holds(self.snapshot.census)
        self.snapshot, panic_changes = self.snapshot.with_panic(panic=panic)
        if changes or panic_changes:
            self._changed(self, (*changes, *panic_changes))

    def _settle(self) -> None:
        if self.settled.is_set():
            return
        members = self.snapshot.members.values()
        if members and not any(member.state is State.CHECKING for member in members):
            self.settle()
