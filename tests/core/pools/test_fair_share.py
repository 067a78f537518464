"""Fair shares, and the excess over them."""

from math import ceil, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.pools.fair_share import Excess, Load, excesses, fair_shares, split

LOADS = st.lists(
    st.builds(
        Load,
        name=st.just("any"),
        weight=st.integers(1, 100),
        active=st.integers(0, 100_000),
        max_connections=st.just(0) | st.integers(1, 200_000),
    ),
    min_size=1,
    max_size=30,
)
TOLERANCES = st.sampled_from([0.0, 0.05, 0.5, 1.0])


def loads(*numbers: tuple[int, int] | tuple[int, int, int]) -> list[Load]:
    """Weights, connections and limits of backends a, b, c ..."""
    return [Load(name, *given) for name, given in zip("abcdef", numbers, strict=False)]


@pytest.mark.parametrize(
    ("given_loads", "expected"),
    [
        pytest.param([], [], id="nobody"),
        pytest.param(loads((1, 50), (1, 50), (1, 0), (1, 0)), [("a", 25, 25), ("b", 25, 25)], id="two-become-four"),
        pytest.param(loads((1, 50), (1, 50), (2, 0)), [("a", 25, 25), ("b", 25, 25)], id="by-weight"),
        pytest.param(loads((1, 3), (1, 1), (1, 1)), [("a", 1, 2)], id="a-share-is-rounded-up"),
        pytest.param(loads((1, 1), (1, 0)), [], id="the-only-connection-stays"),
        pytest.param(loads((1, 0), (1, 0)), [], id="nothing-there"),
        pytest.param(loads((1, 105), (1, 95)), [], id="within-the-tolerance"),
        pytest.param(loads((1, 106), (1, 94)), [("a", 6, 100)], id="beyond-the-tolerance-down-to-the-share"),
        pytest.param(loads((1, 90), (1, 10, 10)), [], id="the-other-one-is-full"),
        pytest.param(loads((1, 90), (1, 0, 10)), [("a", 10, 80)], id="the-other-one-takes-only-ten"),
        pytest.param(loads((1, 80, 100), (1, 30, 20)), [], id="nobody-may-take-more"),
    ],
)
def test_the_excess_is_what_is_above_the_fair_share(given_loads: list[Load], expected: list[tuple[str, int, int]]) -> None:
    assert excesses(given_loads, 0.05) == [Excess(*each) for each in expected]


@given(LOADS)
def test_the_shares_add_up_to_the_connections_there_are_and_keep_to_the_limits(given_loads: list[Load]) -> None:
    shares = fair_shares(given_loads)
    assert isclose(sum(shares), sum(load.active for load in given_loads), rel_tol=1e-9, abs_tol=1e-6)
    for load, share in zip(given_loads, shares, strict=True):
        assert share >= 0
        if load.max_connections:
            assert share <= max(load.max_connections, load.active)


@given(LOADS)
def test_backends_below_their_limits_have_equal_shares_per_weight(given_loads: list[Load]) -> None:
    shares = fair_shares(given_loads)
    per_weight = [
        share / load.weight
        for load, share in zip(given_loads, shares, strict=True)
        if not load.max_connections or share < max(load.max_connections, load.active)
    ]
    assert all(isclose(each, per_weight[0], rel_tol=1e-9, abs_tol=1e-6) for each in per_weight)


@given(LOADS, TOLERANCES)
def test_no_backend_is_brought_below_its_share_and_the_others_have_room_for_all_that_is_closed(
    given_loads: list[Load], tolerance: float
) -> None:
    named = [load._replace(name=str(number)) for number, load in enumerate(given_loads)]
    shares = {load.name: share for load, share in zip(named, fair_shares(named), strict=True)}
    active = {load.name: load.active for load in named}
    found = excesses(named, tolerance)
    for name, surplus, fair in found:
        assert 0 < surplus == active[name] - fair
        assert fair >= shares[name] - 1e-6
    lacking = sum(max(0.0, share - active[name]) for name, share in shares.items())
    assert sum(excess.surplus for excess in found) <= ceil(lacking + 1e-6)


@given(LOADS)
def test_once_the_excess_has_moved_to_where_room_is_nothing_is_closed_again(given_loads: list[Load]) -> None:
    named = [load._replace(name=str(number)) for number, load in enumerate(given_loads)]
    count = {excess.name: excess.surplus for excess in excesses(named, 0.0)}
    room = [max(0.0, share - load.active) for load, share in zip(named, fair_shares(named), strict=True)]
    parts = split(sum(count.values()), [ceil(each - 1e-6) for each in room])
    moved = [
        load._replace(active=load.active - count.get(load.name, 0) + part) for load, part in zip(named, parts, strict=True)
    ]
    for excess in excesses(moved, 0.0):
        assert excess.surplus <= 1, "whole connections cannot be shared any better"


@given(st.integers(0, 10_000), st.lists(st.integers(0, 10_000), max_size=64))
def test_a_count_is_shared_out_whole_by_what_each_holds(count: int, held: list[int]) -> None:
    parts = split(count, held)
    assert len(parts) == len(held)
    assert sum(parts) == min(count, sum(held))
    for part, has in zip(parts, held, strict=True):
        assert 0 <= part <= has
        assert abs(part - min(count, sum(held)) * has / max(1, sum(held))) < 1 + 1e-9
