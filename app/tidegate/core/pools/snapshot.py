"""A pool as an immutable snapshot: each change gives a new snapshot and says what has changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.census import Category, Census

IGNORABLE = frozenset({State.DOWN, State.EJECTED})
"""Backends in these states are used while their pool ignores health."""


@dataclass(frozen=True, slots=True)
class Member:
    """A backend in a pool, its state, and the Unix time of its last change; `health_ignored` while the pool is in panic."""

    backend: Backend
    state: State
    since: float
    health_ignored: bool = False

    @property
    def category(self) -> Category:
        """What the census counts it as."""
        return Category(self.state, self.backend.backup, bool(self.backend.host))

    @property
    def eligible(self) -> bool:
        """Whether it may get a new connection now."""
        return _is_eligible(self.category, health_ignored=self.health_ignored)


@dataclass(frozen=True, slots=True)
class BackendAdded:
    """A backend has joined the pool."""

    pool: str
    member: Member


@dataclass(frozen=True, slots=True)
class BackendRemoved:
    """A backend has left the pool. Its sessions may still be open."""

    pool: str
    member: Member


@dataclass(frozen=True, slots=True)
class BackendAltered:
    """A backend has changed its address, weight, limit or tier, and kept its name."""

    pool: str
    member: Member


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A backend has changed its state: the one event that feeds routing, metrics, log and status.

    `seconds` is the longest duration of an ejection that begins, or how long an ended one lasted; None for other changes.
    """

    pool: str
    member: Member
    previous: State
    reason: str
    seconds: float | None = None


Change = BackendAdded | BackendRemoved | BackendAltered | StateChanged


@dataclass(frozen=True, slots=True)
class PanicChanged:
    """Routing has begun or stopped to ignore the health of the pool's backends."""

    pool: str
    panic: bool
    up: int
    backends: int


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """All backends of one pool by name, in the given order; `panic` while routing ignores their health.

    `census` says how many there are of each category.
    """

    name: str
    members: MappingProxyType[str, Member] = field(default_factory=lambda: MappingProxyType({}))
    panic: bool = False
    census: Census = field(default_factory=Census)

    def with_backends(
        self, backends: Iterable[Backend], initial: State, now: float
    ) -> "tuple[PoolSnapshot, tuple[Change, ...]]":
        """The pool with exactly these backends, and the changes. New backends, and those with a new address or pod, start as
        `initial`; a backend whose name is not resolved yet starts as `checking`.

        A backend keeps its current address as long as that is one of its name's addresses.
        """
        members: dict[str, Member] = {}
        changes: list[Change] = []
        for found in {backend.name: backend for backend in backends}.values():
            known, backend = self.members.get(found.name), found
            start = initial if found.host else State.CHECKING
            if known is None:
                members[backend.name] = member = Member(backend, start, now, self.panic)
                changes.append(BackendAdded(self.name, member))
                continue
            backend = found.at(known.backend.host)
            if known.backend == backend:
                members[backend.name] = replace(known, backend=backend) if backend.others != known.backend.others else known
                continue
            members[backend.name] = member = replace(known, backend=backend)
            changes.append(BackendAltered(self.name, member))
            if backend.is_another(known.backend) and known.state is not start:
                members[backend.name] = moved = Member(backend, start, now, self.panic)
                what = "address" if known.backend.address != backend.address else "pod"
                changes.append(StateChanged(self.name, moved, known.state, f"it has another {what}"))
        gone = [BackendRemoved(self.name, member) for name, member in self.members.items() if name not in members]
        census = Census().with_changes((), (member.category for member in members.values()))
        return PoolSnapshot(self.name, MappingProxyType(members), self.panic, census), (*gone, *changes)

    def with_host(self, name: str, host: str) -> "tuple[PoolSnapshot, tuple[Change, ...]]":
        """The pool with one backend at another address of its name. No change if it is not one of them."""
        known = self.members[name]
        moved = replace(known, backend=known.backend.at(host))
        if moved == known:
            return self, ()
        return self._with_members({name: moved}), (BackendAltered(self.name, moved),)

    def with_state(
        self, name: str, state: State, reason: str, now: float, seconds: float | None = None
    ) -> "tuple[PoolSnapshot, tuple[Change, ...]]":
        """The pool with one backend in that state. No change if the backend is unknown or already in it."""
        return self.with_states({name: state}, reason, now, seconds)

    def with_states(
        self, states: Mapping[str, State], reason: str, now: float, seconds: float | None = None
    ) -> "tuple[PoolSnapshot, tuple[Change, ...]]":
        """The pool with some backends in new states. Skips backends that are unknown or already in that state."""
        changes: list[Change] = []
        for name, state in states.items():
            known = self.members.get(name)
            if known is not None and known.state is not state:
                member = Member(known.backend, state, now, self.panic)
                changes.append(StateChanged(self.name, member, known.state, reason, seconds))
        if not changes:
            return self, ()
        return self._with_members({change.member.backend.name: change.member for change in changes}), tuple(changes)

    def with_panic(self, *, panic: bool) -> "tuple[PoolSnapshot, tuple[PanicChanged, ...]]":
        """The pool with or without panic. No change if it is so already."""
        if panic is self.panic:
            return self, ()
        members = {name: replace(member, health_ignored=panic) for name, member in self.members.items()}
        change = PanicChanged(self.name, panic, self.count(State.UP), len(members))
        return replace(self, members=MappingProxyType(members), panic=panic), (change,)

    def count(self, state: State) -> int:
        """The number of backends in that state."""
        return sum(count for category, count in self.census.counts.items() if category.state is state)

    @property
    def eligible(self) -> int:
        """The number of backends that may get a new connection now."""
        return sum(
            count for category, count in self.census.counts.items() if _is_eligible(category, health_ignored=self.panic)
        )

    def _with_members(self, changed: dict[str, Member]) -> "PoolSnapshot":
        """The pool with some of its members replaced."""
        census = self.census.with_changes(
            (self.members[name].category for name in changed), (member.category for member in changed.values())
        )
        return PoolSnapshot(self.name, MappingProxyType(self.members | changed), self.panic, census)


def _is_eligible(category: Category, *, health_ignored: bool) -> bool:
    """Whether backends of this category may get a new connection."""
    return category.has_address and (category.state is State.UP or (health_ignored and category.state in IGNORABLE))
