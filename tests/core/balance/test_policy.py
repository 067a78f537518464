"""What every registered policy keeps to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.balance import POLICIES
from tests.core.balance.candidates import CLIENTS, Backend, backends

EVERY_POLICY = pytest.mark.parametrize("policy", POLICIES)


def test_the_policies_are_registered_under_the_words_of_the_setting() -> None:
    assert {"round_robin", "least_connections", "source_hash"} <= set(POLICIES)
    assert set(POLICIES) <= {"round_robin", "least_connections", "random_two", "source_hash", "first"}
    assert all(POLICIES[name]() is not POLICIES[name]() for name in POLICIES)


@EVERY_POLICY
@given(data=st.data())
def test_any_of_the_candidates_is_picked_and_no_other(policy: str, data: st.DataObject) -> None:
    chooser = POLICIES[policy]()
    every = backends(*data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=6)))
    for _ in range(data.draw(st.integers(1, 12))):
        candidates = data.draw(st.lists(st.sampled_from(every), min_size=1, unique=True))
        picked = chooser.pick(candidates, data.draw(CLIENTS))
        assert picked in candidates
        picked.active += 1


@EVERY_POLICY
@given(client=CLIENTS, weight=st.integers(1, 100), active=st.integers(0, 1000))
def test_the_only_candidate_is_picked(policy: str, client: str, weight: int, active: int) -> None:
    only = Backend("a:1", weight, active)
    assert POLICIES[policy]().pick([only], client) is only


@EVERY_POLICY
def test_what_is_kept_is_bounded_by_the_backends_of_the_pool(policy: str) -> None:
    chooser = POLICIES[policy]()
    for generation in range(50):
        group = [Backend(f"backend-{generation}-{number}:1") for number in range(20)]
        chooser.retain(frozenset(backend.name for backend in group))
        for client in range(5):
            chooser.pick(group, f"10.0.0.{client}")
    chooser.retain(frozenset({"backend-49-0:1"}))
    kept = repr(vars(chooser))
    assert kept.count("backend-") <= 1
    assert "backend-49-1:1" not in kept
