"""Tiers and limits around every policy."""

from collections import Counter
from collections.abc import Collection, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import CLIENTS, Backend, backends, context, letters
from tidegate.core.balance import POLICIES
from tidegate.core.balance.balancer import Balancer, has_room

EVERY_POLICY = pytest.mark.parametrize("policy", POLICIES)
BACKENDS = st.lists(
    st.builds(
        Backend,
        st.from_regex("[a-h]:1", fullmatch=True),
        st.integers(1, 5),
        st.integers(0, 3),
        st.integers(0, 3),
        st.booleans(),
    ),
    unique_by=lambda backend: backend.name,
    max_size=8,
)


def balancer(policy: str, eligible: Iterable[Backend] = ()) -> Balancer[Backend]:
    made: Balancer[Backend] = Balancer(lambda: POLICIES[policy](context()))
    for backend in eligible:
        made.add(backend)
    return made


def allowed(eligible: Collection[Backend], tried: Collection[Backend]) -> list[Backend]:
    """The backends that may be picked: of the first tier that has any left."""
    for tier in (False, True):
        left = [
            backend
            for backend in eligible
            if backend.backup is tier
            and backend not in tried
            and (backend.max_connections == 0 or backend.active < backend.max_connections)
        ]
        if left:
            return left
    return []


@EVERY_POLICY
@given(BACKENDS, st.data())
def test_only_eligible_backends_with_room_are_picked(policy: str, given: list[Backend], data: st.DataObject) -> None:
    chooser = balancer(policy)
    eligible: set[Backend] = set()
    for _ in range(4):  # what is eligible changes
        for backend in data.draw(st.lists(st.sampled_from(given), unique=True)) if given else []:
            (chooser.remove if backend in eligible else chooser.add)(backend)
            eligible ^= {backend}
        for _ in range(data.draw(st.integers(0, 6))):
            tried = data.draw(st.lists(st.sampled_from(given), unique=True, max_size=3)) if given else []
            picked = chooser.pick(data.draw(CLIENTS), tried)
            expected = allowed(eligible, tried)
            if picked is None:
                assert not expected
            else:
                assert picked in expected
                picked.active += 1


@EVERY_POLICY
def test_backups_wait_until_no_primary_is_eligible(policy: str) -> None:
    primary, backup = backends(1, 100)
    backup.backup = True
    chooser = balancer(policy, [primary, backup])
    assert {chooser.pick(f"10.0.0.{client}") for client in range(50)} == {primary}
    chooser.remove(primary)
    assert {chooser.pick(f"10.0.0.{client}") for client in range(50)} == {backup}
    chooser.add(primary)
    assert {chooser.pick(f"10.0.0.{client}") for client in range(50)} == {primary}


@EVERY_POLICY
def test_backups_serve_what_full_primaries_have_no_room_for(policy: str) -> None:
    primary = Backend("a:1", max_connections=2)
    backup = Backend("b:1", max_connections=1, backup=True)
    chooser = balancer(policy, [primary, backup])
    picked = []
    for _ in range(4):
        backend = chooser.pick("10.0.0.1")
        picked.append(backend)
        if backend:
            backend.active += 1
    assert picked == [primary, primary, backup, None]
    primary.active -= 1
    assert chooser.pick("10.0.0.1") is primary


@EVERY_POLICY
def test_a_dial_goes_on_to_each_backend_once_and_to_backups_last(policy: str) -> None:
    every = backends(1, 2, 3, 1)
    every[3].backup = True
    chooser = balancer(policy, every)
    tried: list[Backend] = []
    while (backend := chooser.pick("10.0.0.1", tried)) is not None:
        assert backend not in tried
        tried.append(backend)
    assert letters(tried)[-1] == "d"
    assert sorted(letters(tried)) == ["a", "b", "c", "d"]


def sessions(chooser: Balancer[Backend], count: int, dead: str) -> str:
    """Which backends so many sessions dial, one session after the other; dials to the dead ones fail."""
    dialled = []
    for _ in range(count):
        tried: list[Backend] = []
        while (backend := chooser.pick("10.0.0.1", tried)) is not None:
            tried.append(backend)
            if backend.name[0] not in dead:
                break
        dialled.append(letters(tried))
    return " ".join(dialled)


def test_of_two_backends_in_turn_half_of_the_sessions_try_the_dead_one_first() -> None:
    assert sessions(balancer("round_robin", backends(1, 1)), 8, dead="a") == "ab b ab b ab b ab b"


def test_what_a_dead_backend_cannot_take_is_spread_over_the_others_by_weight() -> None:
    chooser = balancer("round_robin", backends(1, 1, 1, 2))
    dialled = sessions(chooser, 100, dead="a").split()
    assert Counter(dialled) == {"ab": 5, "ac": 5, "ad": 10, "b": 20, "c": 20, "d": 40}


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.data())
def test_retries_do_not_disturb_the_turns(weights: list[int], data: st.DataObject) -> None:
    every = backends(*weights)
    disturbed, alone = balancer("round_robin", every), balancer("round_robin", every)
    for _ in range(2 * sum(weights)):
        first = disturbed.pick("10.0.0.1")
        assert first is alone.pick("10.0.0.1")
        assert first
        for _ in range(data.draw(st.integers(0, 2))):
            assert disturbed.pick("10.0.0.1", [first]) is not first


def test_retries_go_only_to_those_that_are_there() -> None:
    every = backends(1, 1, 1)
    chooser = balancer("round_robin", every)
    assert sessions(chooser, 3, dead="a") == "ab b c"
    chooser.remove(every[1])
    assert sessions(chooser, 4, dead="a") == "ac c ac c"
    chooser.add(every[1])
    assert Counter(sessions(chooser, 60, dead="a").split()) == {"ab": 10, "ac": 10, "b": 20, "c": 20}


@EVERY_POLICY
def test_a_limit_holds_while_it_is_there_and_no_longer(policy: str) -> None:
    only = Backend("a:1", active=3, max_connections=3)
    chooser = balancer(policy, [only])
    assert chooser.pick("10.0.0.1") is None
    chooser.remove(only)
    only.max_connections = 0
    chooser.add(only)
    assert chooser.pick("10.0.0.1") is only


@EVERY_POLICY
def test_without_eligible_backends_nothing_is_picked(policy: str) -> None:
    assert balancer(policy).pick("10.0.0.1") is None


@pytest.mark.parametrize(
    ("active", "limit", "room"),
    [(0, 0, True), (1000, 0, True), (0, 1, True), (1, 1, False), (2, 1, False), (4, 5, True)],
)
def test_a_limit_of_zero_is_none(active: int, limit: int, room: bool) -> None:  # noqa: FBT001
    assert has_room(Backend("a:1", active=active, max_connections=limit)) is room
