"""Tiers and limits around every policy."""

from collections.abc import Collection, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.balance import POLICIES
from app.core.balance.balancer import Balancer, has_room
from app.core.balance.round_robin import RoundRobin
from tests.core.balance.candidates import CLIENTS, Backend, backends, letters

EVERY_POLICY = pytest.mark.parametrize("policy", POLICIES)
BACKENDS = st.lists(
    st.builds(Backend, st.from_regex("[a-h]:1", fullmatch=True), st.integers(1, 5), st.integers(0, 3), st.integers(0, 3)),
    unique_by=lambda backend: backend.name,
    max_size=8,
)


def balancer(policy: str, primaries: Sequence[Backend], backups: Sequence[Backend] = ()) -> Balancer[Backend]:
    made: Balancer[Backend] = Balancer(POLICIES[policy]())
    made.update(primaries, backups, [backend.name for backend in (*primaries, *backups)])
    return made


def allowed(primaries: Sequence[Backend], backups: Sequence[Backend], tried: Collection[Backend]) -> list[Backend]:
    """The backends that may be picked: of the first tier that has any left."""
    for tier in (primaries, backups):
        left = [b for b in tier if b not in tried and (b.max_connections == 0 or b.active < b.max_connections)]
        if left:
            return left
    return []


@EVERY_POLICY
@given(BACKENDS, st.data())
def test_only_eligible_backends_with_room_are_picked(policy: str, given: list[Backend], data: st.DataObject) -> None:
    chooser = balancer(policy, [])
    for _ in range(3):  # what is eligible changes
        eligible = data.draw(st.lists(st.sampled_from(given), unique=True)) if given else []
        is_backup = {backend.name: data.draw(st.booleans()) for backend in eligible}
        primaries = [backend for backend in eligible if not is_backup[backend.name]]
        backups = [backend for backend in eligible if is_backup[backend.name]]
        chooser.update(primaries, backups, [backend.name for backend in given])
        for _ in range(data.draw(st.integers(0, 6))):
            tried = data.draw(st.lists(st.sampled_from(given), unique=True, max_size=3)) if given else []
            picked = chooser.pick(data.draw(CLIENTS), tried)
            expected = allowed(primaries, backups, tried)
            if picked is None:
                assert not expected
            else:
                assert picked in expected
                picked.active += 1


@EVERY_POLICY
def test_backups_wait_until_no_primary_is_eligible(policy: str) -> None:
    primary, backup = backends(1, 100)
    chooser = balancer(policy, [primary], [backup])
    assert {chooser.pick(f"10.0.0.{client}") for client in range(50)} == {primary}
    chooser.update([], [backup], [primary.name, backup.name])
    assert {chooser.pick(f"10.0.0.{client}") for client in range(50)} == {backup}
    chooser.update([primary], [backup], [primary.name, backup.name])
    assert {chooser.pick(f"10.0.0.{client}") for client in range(50)} == {primary}


@EVERY_POLICY
def test_backups_serve_what_full_primaries_have_no_room_for(policy: str) -> None:
    primary = Backend("a:1", max_connections=2)
    backup = Backend("b:1", max_connections=1)
    chooser = balancer(policy, [primary], [backup])
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
    chooser = balancer(policy, every[:3], every[3:])
    tried: list[Backend] = []
    while (backend := chooser.pick("10.0.0.1", tried)) is not None:
        assert backend not in tried
        tried.append(backend)
    assert letters(tried)[-1] == "d"
    assert sorted(letters(tried)) == ["a", "b", "c", "d"]


@EVERY_POLICY
def test_without_eligible_backends_nothing_is_picked(policy: str) -> None:
    assert Balancer[Backend](POLICIES[policy]()).pick("10.0.0.1") is None
    assert balancer(policy, []).pick("10.0.0.1") is None


@pytest.mark.parametrize(
    ("active", "limit", "room"),
    [(0, 0, True), (1000, 0, True), (0, 1, True), (1, 1, False), (2, 1, False), (4, 5, True)],
)
def test_a_limit_of_zero_is_none(active: int, limit: int, room: bool) -> None:  # noqa: FBT001
    assert has_room(Backend("a:1", active=active, max_connections=limit)) is room


@pytest.mark.parametrize(
    ("known", "turns"),
    [pytest.param("ab", "baba", id="down-for-a-while"), pytest.param("", "abab", id="left-and-came-back")],
)
def test_the_policy_remembers_backends_of_the_pool_and_forgets_those_that_left(known: str, turns: str) -> None:
    a, b = backends(1, 1)
    chooser: Balancer[Backend] = Balancer(RoundRobin())
    chooser.update([a, b], [], [a.name, b.name])
    assert chooser.pick("") is a
    chooser.update([], [], [f"{letter}:1" for letter in known])
    chooser.update([a, b], [], [a.name, b.name])
    assert letters([chooser.pick("") or a for _ in range(4)]) == turns
