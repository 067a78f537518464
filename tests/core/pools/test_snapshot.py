"""Pools as immutable snapshots, and the changes between them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.address import Address
from tidegate.core.health.rise_fall import Health
from tidegate.core.pools.backend import Backend, State
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

A, B, C = (Backend(f"{name}:80", f"10.0.0.{number}", 80) for number, name in enumerate("abc", 1))

NAMES = st.sampled_from([f"{letter}:80" for letter in "abcdef"])
BACKENDS = st.builds(
    Backend,
    NAMES,
    st.sampled_from(["", "10.0.0.1", "10.0.0.2"]),
    st.just(80),
    st.integers(1, 2),
    st.integers(0, 1),
    st.booleans(),
)
Step = Callable[[PoolSnapshot, float], tuple[PoolSnapshot, tuple[Change, ...]]]


def listing(backends: Iterable[Backend], initial: State) -> Step:
    return lambda pool, now: pool.with_backends(backends, initial, now)


def setting(name: str, state: State) -> Step:
    return lambda pool, now: pool.with_state(name, state, "a reason", now)


STEPS = st.lists(
    st.builds(listing, st.lists(BACKENDS, unique_by=lambda backend: backend.name, max_size=5), st.sampled_from(State))
    | st.builds(setting, NAMES, st.sampled_from(State)),
    max_size=20,
)


def pool_of(*backends: Backend, state: State = State.CHECKING, now: float = 1.0) -> PoolSnapshot:
    return PoolSnapshot("chat").with_backends(backends, state, now)[0]


def replay(members: dict[str, Member], change: Change) -> None:
    """Apply a change to a copy of a pool's members, as a reader of events would."""
    name, member = change.member.backend.name, change.member
    match change:
        case BackendAdded():
            assert name not in members
            members[name] = member
        case BackendRemoved():
            assert members.pop(name) == member
        case BackendAltered():
            known = members[name]
            assert (known.state, known.since) == (member.state, member.since)
            assert known.backend != member.backend
            members[name] = member
        case StateChanged():
            known = members[name]
            assert known.backend == member.backend
            assert known.state is change.previous is not member.state
            members[name] = member


@given(STEPS)
def test_replaying_the_changes_gives_the_snapshot(steps: list[Step]) -> None:
    pool, members = PoolSnapshot("chat"), dict[str, Member]()
    for now, step in enumerate(steps):
        pool, changes = step(pool, float(now))
        for change in changes:
            assert change.pool == "chat"
            replay(members, change)
        assert members == pool.members


@given(STEPS)
def test_earlier_snapshots_stay_as_they_were(steps: list[Step]) -> None:
    pools = [PoolSnapshot("chat")]
    copies = [dict(pools[0].members)]
    for now, step in enumerate(steps):
        pools.append(step(pools[-1], float(now))[0])
        copies.append(dict(pools[-1].members))
    assert [dict(pool.members) for pool in pools] == copies


@given(STEPS, st.data())
def test_the_backends_of_each_category_and_the_eligible_are_counted(steps: list[Step], data: st.DataObject) -> None:
    pool = PoolSnapshot("chat")
    for now, step in enumerate(steps):
        pool, _ = step(pool, float(now))
        pool, _ = pool.with_panic(panic=data.draw(st.booleans()))
        members = pool.members.values()
        assert pool.census.counts == Counter(member.category for member in members)
        assert pool.eligible == len([member for member in members if member.eligible])
        assert pool.count(State.UP) == len([member for member in members if member.state is State.UP])


def test_a_backend_that_stays_keeps_its_state_and_a_newcomer_starts_in_the_given_one() -> None:
    pool, _ = pool_of(A, B).with_state(A.name, State.UP, "ok", 5.0)
    pool, changes = pool.with_backends([A, C], State.DRAINING, 9.0)
    assert pool.members == {A.name: Member(A, State.UP, 5.0), C.name: Member(C, State.DRAINING, 9.0)}
    assert changes == (
        BackendRemoved("chat", Member(B, State.CHECKING, 1.0)),
        BackendAdded("chat", Member(C, State.DRAINING, 9.0)),
    )


def test_a_name_that_has_no_address_yet_is_not_trusted_whatever_the_initial_state() -> None:
    nowhere = Backend("chat:1", "", 1)
    pool = pool_of(nowhere, A, state=State.UP)
    assert [member.state for member in pool.members.values()] == [State.CHECKING, State.UP]
    resolved = Backend("chat:1", "127.0.0.77", 1)
    pool, changes = pool.with_backends([resolved, A], State.UP, 9.0)
    assert changes[-1] == StateChanged("chat", Member(resolved, State.UP, 9.0), State.CHECKING, "it has another address")


def test_an_altered_backend_keeps_its_state_and_its_age() -> None:
    heavier = Backend(A.name, A.host, A.port, weight=5)
    pool, changes = pool_of(A, state=State.UP).with_backends([heavier], State.CHECKING, 9.0)
    assert changes == (BackendAltered("chat", Member(heavier, State.UP, 1.0)),)
    assert pool.members[A.name].backend.weight == 5


def test_a_backend_with_another_address_starts_anew() -> None:
    moved = Backend(A.name, "127.0.0.77", A.port)
    pool, changes = pool_of(A, state=State.UP).with_backends([moved], State.CHECKING, 9.0)
    assert changes == (
        BackendAltered("chat", Member(moved, State.UP, 1.0)),
        StateChanged("chat", Member(moved, State.CHECKING, 9.0), State.UP, "it has another address"),
    )
    assert pool.members[A.name] == Member(moved, State.CHECKING, 9.0)


def test_a_backend_that_left_and_came_back_starts_anew() -> None:
    pool, _ = pool_of(A, state=State.UP).with_backends([], State.CHECKING, 2.0)
    pool, changes = pool.with_backends([A], State.CHECKING, 3.0)
    assert changes == (BackendAdded("chat", Member(A, State.CHECKING, 3.0)),)


def test_the_same_list_changes_nothing() -> None:
    pool = pool_of(A, B)
    same, changes = pool.with_backends([A, B], State.UP, 9.0)
    assert same == pool
    assert changes == ()


def test_a_backend_named_twice_is_one_backend_and_one_change() -> None:
    pool, changes = PoolSnapshot("chat").with_backends([A, A], State.CHECKING, 1.0)
    assert list(pool.members) == [A.name]
    assert changes == (BackendAdded("chat", Member(A, State.CHECKING, 1.0)),)


def test_members_keep_the_order_of_the_list() -> None:
    assert list(pool_of(C, A, B).members) == [C.name, A.name, B.name]
    assert list(pool_of(C, A, B).with_backends([B, C], State.UP, 2.0)[0].members) == [B.name, C.name]
    assert list(pool_of(C, A, B).with_state(A.name, State.UP, "ok", 2.0)[0].members) == [C.name, A.name, B.name]


def test_a_new_state_is_one_event_with_its_reason_and_time() -> None:
    pool, changes = pool_of(A, B).with_state(A.name, State.DOWN, "refused", 7.0)
    assert changes == (StateChanged("chat", Member(A, State.DOWN, 7.0), State.CHECKING, "refused"),)
    assert pool.members[A.name] == Member(A, State.DOWN, 7.0)
    assert pool.members[B.name] == Member(B, State.CHECKING, 1.0)


@pytest.mark.parametrize(
    ("name", "state"),
    [pytest.param("other:80", State.UP, id="unknown"), pytest.param(A.name, State.CHECKING, id="already-there")],
)
def test_no_new_state_is_no_event_and_the_same_pool(name: str, state: State) -> None:
    pool = pool_of(A)
    assert pool.with_state(name, state, "a reason", 7.0) == (pool, ())
    assert pool.members[A.name].since == 1.0


@pytest.mark.parametrize("state", State)
def test_only_a_backend_that_is_up_and_resolved_is_eligible(state: State) -> None:
    resolved, unresolved = A, Backend("chat.internal:80", "", 80)
    assert Member(resolved, state, 0.0).eligible is (state is State.UP)
    assert not Member(unresolved, state, 0.0).eligible
    assert pool_of(resolved, unresolved, state=state).eligible == int(state is State.UP)


@pytest.mark.parametrize("state", State)
def test_in_panic_those_that_are_down_or_ejected_are_eligible_too_when_they_have_an_address(state: State) -> None:
    pool, (change,) = pool_of(A, Backend("chat.internal:80", "", 80), state=state).with_panic(panic=True)
    assert change == PanicChanged("chat", True, 1 if state is State.UP else 0, 2)
    assert pool.eligible == int(state in {State.UP, State.DOWN, State.EJECTED})
    pool, (change,) = pool.with_panic(panic=False)
    assert not change.panic
    assert pool.eligible == int(state is State.UP)


@given(STEPS)
def test_a_backend_that_joins_or_changes_in_panic_is_in_it_too(steps: list[Step]) -> None:
    pool, _ = pool_of(A, B).with_panic(panic=True)
    for now, step in enumerate(steps):
        pool, _ = step(pool, float(now))
    assert pool.panic
    assert pool.with_panic(panic=True) == (pool, ())
    assert all(member.health_ignored for member in pool.members.values())


def test_a_change_of_state_says_how_long_an_ejection_lasts() -> None:
    _, (change,) = pool_of(A, state=State.UP).with_state(A.name, State.EJECTED, "5 dials failed", 7.0, 30.0)
    assert isinstance(change, StateChanged)
    assert (change.member.state, change.seconds) == (State.EJECTED, 30.0)


def test_an_empty_pool_has_no_eligible_backend() -> None:
    assert PoolSnapshot("chat").eligible == 0


MEMBER = Member(A, State.UP, 1.0)
VALUES = [
    A,
    MEMBER,
    Health(),
    PoolSnapshot("chat"),
    pool_of(A),
    BackendAdded("chat", MEMBER),
    BackendRemoved("chat", MEMBER),
    BackendAltered("chat", MEMBER),
    StateChanged("chat", MEMBER, State.DOWN, "ok"),
    PanicChanged("chat", True, 0, 4),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_addresses_backends_and_snapshots_are_immutable_values(value: Any) -> None:
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)
    with pytest.raises(AttributeError):
        Address("10.0.0.5", 80).__setattr__("port", 81)


@pytest.mark.parametrize("pool", [PoolSnapshot("chat"), pool_of(A), pool_of(A).with_state(A.name, State.UP, "ok", 2.0)[0]])
def test_the_members_of_a_snapshot_cannot_be_replaced(pool: PoolSnapshot) -> None:
    members: Any = pool.members
    with pytest.raises(TypeError):
        members[A.name] = MEMBER


def named(*hosts: str) -> Backend:
    return Backend("chat:80", hosts[0], 80, others=hosts[1:])


def test_a_backend_stays_at_its_address_while_that_is_one_of_its_name() -> None:
    pool = pool_of(named("10.0.0.1", "10.0.0.2"), state=State.UP)
    for hosts in (("10.0.0.2", "10.0.0.1"), ("10.0.0.3", "10.0.0.1")):
        pool, changes = pool.with_backends([named(*hosts)], State.UP, 2.0)
        assert changes == ()
        assert pool.members["chat:80"].backend.hosts == ("10.0.0.1", hosts[0])
    pool, changes = pool.with_backends([named("10.0.0.3", "10.0.0.2")], State.UP, 3.0)
    assert [type(change) for change in changes] == [BackendAltered]
    assert pool.members["chat:80"].backend.host == "10.0.0.3"


def test_a_backend_moves_to_another_address_of_its_name_without_a_change_of_state() -> None:
    pool = pool_of(named("10.0.0.1", "10.0.0.2"), state=State.UP)
    moved, changes = pool.with_host("chat:80", "10.0.0.2")
    member = moved.members["chat:80"]
    assert changes == (BackendAltered("chat", member),)
    assert (member.backend.hosts, member.state, member.since) == (("10.0.0.2", "10.0.0.1"), State.UP, 1.0)
    assert pool.with_host("chat:80", "10.0.0.9") == (pool, ())
