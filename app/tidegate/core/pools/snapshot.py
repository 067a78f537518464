"""A pool as an immutable snapshot: each change gives a new snapshot and says what has changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tidegate.core.pools.backend import Backend, State

IGNORABLE = frozenset({State.DOWN, State.EJECTED})
"""The states in which a backend is used all the same while its pool ignores health."""


@dataclass(frozen=True, slots=True)
class Member:
    """A backend in a pool, its state, and the Unix time since when it has it; `health_ignored` is the pool's panic."""

    backend: Backend
    state: State
    since: float
    health_ignored: bool = False

    @property
    def eligible(self) -> bool:
        """Whether it may get a new connection now."""
        usable = self.state is State.UP or (self.health_ignored and self.state in IGNORABLE)
        return usable and bool(self.backend.host)


@dataclass(frozen=True, slots=True)
class BackendAdded:
    """A backend has joined the pool."""

    pool: str
    member: Member


@dataclass(frozen=True, slots=True)
class BackendRemoved:
    """A backend has left the pool; its sessions may still live."""

    pool: str
    member: Member


@dataclass(frozen=True, slots=True)
class BackendAltered:
    """A backend has another address, weight, limit or tier, and the same name."""

    pool: str
    member: Member


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The one event that routing, metrics, log and status learn a new state from.

    `seconds` is how long an ejection will last at most, or has lasted; None of other changes.
    """

    pool: str
    member: Member
    previous: State
    reason: str
    seconds: float | None = None


Change = BackendAdded | BackendRemoved | BackendAltered | StateChanged


@dataclass(frozen=True, slots=True)
class PanicChanged:
    """Routing has begun, or has ceased, to ignore the health of the pool's backends."""

    pool: str
    panic: bool
    up: int
    backends: int


@dataclass(frozen=True, slots=True)
class Pool:
    """All backends of one pool by name, in the order they were given; `panic` while routing ignores their health."""

    name: str
    members: MappingProxyType[str, Member] = field(default_factory=lambda: MappingProxyType({}))
    panic: bool = False

    def with_backends(self, backends: Iterable[Backend], initial: State, now: float) -> "tuple[Pool, tuple[Change, ...]]":
        """The pool with exactly these backends. Newcomers, and those with another address or pod, start as `initial`.

        One whose name has several addresses stays where it is while that is still one of them.
        While a name has not been resolved there is nothing to trust: its backend starts as `checking`.
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
        return Pool(self.name, MappingProxyType(members), self.panic), (*gone, *changes)

    def with_host(self, name: str, host: str) -> "tuple[Pool, tuple[Change, ...]]":
        """The pool with one backend at another address of its name. No change when it is not one of them."""
        known = self.members[name]
        moved = replace(known, backend=known.backend.at(host))
        if moved == known:
            return self, ()
        members = self.members | {name: moved}
        return Pool(self.name, MappingProxyType(members), self.panic), (BackendAltered(self.name, moved),)

    def with_state(
        self, name: str, state: State, reason: str, now: float, seconds: float | None = None
    ) -> "tuple[Pool, tuple[Change, ...]]":
        """The pool with one backend in that state. No change when it is unknown or already there."""
        return self.with_states({name: state}, reason, now, seconds)

    def with_states(
        self, states: Mapping[str, State], reason: str, now: float, seconds: float | None = None
    ) -> "tuple[Pool, tuple[Change, ...]]":
        """The pool with some backends in other states, those that are unknown or already there left out."""
        changes: list[Change] = []
        for name, state in states.items():
            known = self.members.get(name)
            if known is not None and known.state is not state:
                member = Member(known.backend, state, now, self.panic)
                changes.append(StateChanged(self.name, member, known.state, reason, seconds))
        if not changes:
            return self, ()
        members = self.members | {change.member.backend.name: change.member for change in changes}
        return Pool(self.name, MappingProxyType(members), self.panic), tuple(changes)

    def with_panic(self, *, panic: bool) -> "tuple[Pool, tuple[PanicChanged, ...]]":
        """The pool with or without regard for health. No change when it is so already."""
        if panic is self.panic:
            return self, ()
        members = {name: replace(member, health_ignored=panic) for name, member in self.members.items()}
        change = PanicChanged(self.name, panic, self.count(State.UP), len(members))
        return Pool(self.name, MappingProxyType(members), panic), (change,)

    def count(self, state: State) -> int:
        """How many backends are in that state."""
        return sum(member.state is state for member in self.members.values())

    @property
    def eligible(self) -> int:
        """How many backends may get a new connection now."""
        return sum(member.eligible for member in self.members.values())
