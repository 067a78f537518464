"""What every registered policy keeps to."""

import gc
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import CLIENTS, Ask, Backend, backends, registered, usable
from tidegate.core.balance import POLICIES

EVERY_POLICY = pytest.mark.parametrize("policy", POLICIES)
SUBLINEAR_POLICY = pytest.mark.parametrize("policy", ["round_robin", "random_two", "source_hash"])


def test_the_policies_are_registered_under_the_words_of_the_setting() -> None:
    words = {"round_robin", "least_connections", "least_latency", "random_two", "first", "source_hash"}
    assert set(POLICIES) == words
    assert all(registered(name) is not registered(name) for name in POLICIES)


@EVERY_POLICY
@given(data=st.data())
def test_one_of_the_usable_candidates_is_picked_while_others_join_and_leave(policy: str, data: st.DataObject) -> None:
    chooser = registered(policy)
    every = backends(*data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=8)))
    candidates: set[Backend] = set()
    for _ in range(data.draw(st.integers(1, 30))):
        changing = data.draw(st.sampled_from(every))
        if changing in candidates and data.draw(st.booleans()):
            chooser.reweigh(changing, weight := data.draw(st.integers(1, 9)))
            assert changing.weight == weight
        else:
            (chooser.remove if changing in candidates else chooser.add)(changing)
            candidates ^= {changing}
        allowed = data.draw(st.sets(st.sampled_from(every)))
        choose = data.draw(st.sampled_from([chooser.pick, chooser.retry]))
        picked = choose(data.draw(CLIENTS), allowed.__contains__)
        if picked is None:
            assert not candidates & allowed
        else:
            assert picked in candidates & allowed
            picked.active += 1


@EVERY_POLICY
@given(client=CLIENTS, weight=st.integers(1, 65535), active=st.integers(0, 1000))
def test_the_only_candidate_is_picked(policy: str, client: str, weight: int, active: int) -> None:
    only = Backend("a:1", weight, active)
    assert registered(policy, [only]).pick(client, usable) is only


@EVERY_POLICY
@pytest.mark.parametrize("left", [1, 2])
@given(weights=st.lists(st.sampled_from([1, 2, 100, 65535]), min_size=20, max_size=60), client=CLIENTS)
def test_the_last_usable_ones_are_found_however_light_among_the_heaviest(
    policy: str, left: int, weights: list[int], client: str
) -> None:
    candidates = [Backend(f"{number}:1", weight) for number, weight in enumerate(weights)]
    chooser = registered(policy, candidates)
    lightest = sorted(candidates, key=lambda candidate: candidate.weight)[:left]
    for _ in range(3):
        assert chooser.pick(client, lightest.__contains__) in lightest
    assert chooser.pick(client, lambda _: False) is None


@EVERY_POLICY
def test_nothing_of_a_backend_that_has_left_is_kept(policy: str) -> None:
    chooser = registered(policy)
    for generation in range(20):
        group = [Backend(f"backend-{generation}-{number}:1", 1 + number % 3) for number in range(20)]
        for candidate in group:
            chooser.add(candidate)
        for client in range(5):
            chooser.pick(f"10.0.0.{client}", usable)
        for candidate in group:
            chooser.remove(candidate)
    gone = ref(group[0])
    del group, candidate
    gc.collect()
    assert gone() is None
    assert chooser.pick("10.0.0.1", usable) is None


@SUBLINEAR_POLICY
def test_a_pick_among_thousands_looks_at_a_few_even_when_every_second_one_is_full(policy: str) -> None:
    candidates = [Backend(f"backend-{number}:1", 1 + number % 3) for number in range(2000)]
    chooser = registered(policy, candidates)
    free, half = Ask(), Ask(candidates[::2])
    for client in range(1000):
        assert chooser.pick(f"10.0.{client // 250}.{client % 250}", free)
        assert chooser.pick(f"10.0.{client // 250}.{client % 250}", half)
    assert free.times <= 2 * 1000
    assert half.times <= 10 * 1000
