"""A bound on the load of each backend, alone and with the hash."""

from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import CLIENTS, WEIGHTS, Backend, backends, filled, usable
from tidegate.core.balance.bounded_load import within_bound
from tidegate.core.balance.source_hash import SourceHash

FACTORS = st.integers(105, 400).map(lambda hundredths: hundredths / 100)
LOADS = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 50)), min_size=1, max_size=10)


def loaded(loads: list[tuple[int, int]]) -> list[Backend]:
    return [Backend(f"{number}:1", weight, active) for number, (weight, active) in enumerate(loads)]


@given(LOADS, st.floats(1, 10))
def test_at_least_one_candidate_is_within_the_bound(loads: list[tuple[int, int]], factor: float) -> None:
    candidates = loaded(loads)
    assert any(map(within_bound(candidates, factor), candidates))


def test_all_others_are_above_the_bound() -> None:
    candidates = backends(1, 1)
    assert not any(map(within_bound([], 1.25), candidates))
    assert [within_bound(candidates[:1], 1.25)(candidate) for candidate in candidates] == [True, False]


@given(LOADS, FACTORS)
def test_candidates_within_the_bound_stay_within_the_factor_rounded_up(loads: list[tuple[int, int]], factor: float) -> None:
    candidates = loaded(loads)
    connections, weight = 1 + sum(each.active for each in candidates), sum(each.weight for each in candidates)
    through = within_bound(candidates, factor)
    for each in candidates:
        bound = Fraction(round(factor * 100), 100) * connections * each.weight / weight
        if abs(bound - round(bound)) > 1e-9:
            assert through(each) is (each.active + 1 <= ceil(bound))


@given(WEIGHTS, FACTORS, st.lists(CLIENTS, min_size=1, max_size=5), st.integers(1, 100))
def test_a_few_clients_with_many_connections_never_load_a_backend_above_the_bound(
    weights: list[int], factor: float, clients: list[str], count: int
) -> None:
    candidates = backends(*weights)
    policy = filled(SourceHash[Backend](bounded_load=factor), candidates)
    for number in range(count):
        picked = policy.pick(clients[number % len(clients)], usable)
        assert picked
        picked.active += 1
        assert picked.active <= ceil(factor * (number + 1) * picked.weight / sum(weights) + 1e-9)


@given(WEIGHTS, FACTORS, CLIENTS, st.data())
def test_a_client_keeps_its_backend_while_that_is_within_the_bound_and_walks_on_as_if_it_had_left_otherwise(
    weights: list[int], factor: float, client: str, data: st.DataObject
) -> None:
    candidates = backends(*weights)
    for candidate in candidates:
        candidate.active = data.draw(st.integers(0, 10))
    through = within_bound(candidates, factor)
    bounded = filled(SourceHash[Backend](bounded_load=factor), candidates).pick(client, usable)
    assert bounded is filled(SourceHash[Backend](), candidates).pick(client, through)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 30)), min_size=2, max_size=8), CLIENTS, st.data())
def test_shares_are_counted_over_those_that_are_usable(
    loads: list[tuple[int, int]], client: str, data: st.DataObject
) -> None:
    """Whoever is full or tried has no part in it: a client is never turned away while anybody has room."""
    candidates = loaded(loads)
    left = data.draw(st.sets(st.sampled_from(candidates), min_size=1))
    picked = filled(SourceHash[Backend](bounded_load=1.05), candidates).pick(client, left.__contains__)
    assert picked in left
    assert within_bound(left, 1.05)(picked)


def test_without_a_bound_one_client_has_one_backend_and_with_it_the_rest_goes_elsewhere() -> None:
    def spread(factor: float) -> list[int]:
        candidates = backends(1, 1, 1, 1)
        policy = filled(SourceHash[Backend](bounded_load=factor), candidates)
        for _ in range(400):
            picked = policy.pick("192.0.2.7", usable)
            assert picked
            picked.active += 1
        return sorted(candidate.active for candidate in candidates)

    assert spread(0) == [0, 0, 0, 400]
    assert spread(1.25) == [25, 125, 125, 125]
    assert spread(4) == [0, 0, 0, 400]
