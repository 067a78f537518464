"""A pool as an immutable snapshot: each change gives a new snapshot and says what has changed."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from app.core.backend import Backend, State


@dataclass(frozen=True, slots=True)
class Member:
    """A backend in a pool, its state, and the Unix time since when it has it."""

    backend: Backend
    state: State
    since: float

    @property
    def eligible(self) -> bool:
        """Whether it may get a new connection now."""
        return self.state is State.UP and bool(self.backend.host)


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
    """The one event that routing, metrics, log and status learn a new state from."""

    pool: str
    member: Member
    previous: State
    reason: str


Change = BackendAdded | BackendRemoved | BackendAltered | StateChanged


@dataclass(frozen=True, slots=True)
class Pool:
    """All backends of one pool by name, in the order they were given."""

    name: str
    members: MappingProxyType[str, Member] = field(default_factory=lambda: MappingProxyType({}))

    def with_backends(self, backends: Iterable[Backend], initial: State, now: float) -> "tuple[Pool, tuple[Change, ...]]":
        """The pool with exactly these backends. Newcomers and those with another address start in the state `initial`."""
        members: dict[str, Member] = {}
        changes: list[Change] = []
        for backend in {backend.name: backend for backend in backends}.values():
            known = self.members.get(backend.name)
            if known is None:
                members[backend.name] = member = Member(backend, initial, now)
                changes.append(BackendAdded(self.name, member))
                continue
            members[backend.name] = member = replace(known, backend=backend)
            if known.backend != backend:
                changes.append(BackendAltered(self.name, member))
            if known.backend.address != backend.address and known.state is not initial:
                members[backend.name] = moved = Member(backend, initial, now)
                changes.append(StateChanged(self.name, moved, known.state, "it has another address"))
        gone = [BackendRemoved(self.name, member) for name, member in self.members.items() if name not in members]
        return Pool(self.name, MappingProxyType(members)), (*gone, *changes)

    def with_state(self, name: str, state: State, reason: str, now: float) -> "tuple[Pool, tuple[Change, ...]]":
        """The pool with one backend in that state. No change when it is unknown or already there."""
        known = self.members.get(name)
        if known is None or known.state is state:
            return self, ()
        members = self.members.copy()
        members[name] = member = Member(known.backend, state, now)
        return Pool(self.name, MappingProxyType(members)), (StateChanged(self.name, member, known.state, reason),)

    @property
    def eligible(self) -> int:
        """How many backends may get a new connection now."""
        return sum(member.eligible for member in self.members.values())
