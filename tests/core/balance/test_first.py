"""Filling one backend after the other."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.core.balance.candidates import Ask, Backend, backends, filled, letters
from tidegate.core.balance.balancer import Balancer
from tidegate.core.balance.first import First

LIMITS = st.lists(st.integers(1, 5), min_size=1, max_size=6)


def first(candidates: list[Backend]) -> Balancer[Backend]:
    chooser: Balancer[Backend] = Balancer(First)
    for candidate in candidates:
        chooser.add(candidate)
    return chooser


def place(chooser: Balancer[Backend], count: int) -> str:
    """Open so many connections; none closes."""
    picked = []
    for _ in range(count):
        backend = chooser.pick("10.0.0.1")
        if backend:
            backend.active += 1
            picked.append(backend)
    return letters(picked)


@given(LIMITS, st.randoms(use_true_random=False))
def test_each_backend_is_filled_before_the_next_one_gets_any_in_whatever_order_they_join(
    limits: list[int], random: Random
) -> None:
    candidates = backends(*[1] * len(limits))
    for candidate, limit in zip(candidates, limits, strict=True):
        candidate.max_connections = limit
    joining = list(candidates)
    random.shuffle(joining)
    filled_up = "".join(candidate.name[0] * candidate.max_connections for candidate in candidates)
    assert place(first(joining), sum(limits) + 2) == filled_up


def test_weight_does_not_count() -> None:
    light, heavy = backends(1, 100)
    assert place(first([heavy, light]), 5) == "aaaaa"


def test_a_place_that_gets_free_at_an_earlier_one_is_taken_next() -> None:
    a, b, c = backends(1, 1, 1)
    a.max_connections = b.max_connections = 2
    chooser = first([a, b, c])
    assert place(chooser, 5) == "aabbc"
    a.active -= 1
    assert place(chooser, 2) == "ac"


def test_when_one_leaves_the_next_takes_over_until_it_is_back() -> None:
    a, b = backends(1, 1)
    chooser = first([a, b])
    assert place(chooser, 2) == "aa"
    chooser.remove(a)
    assert place(chooser, 2) == "bb"
    chooser.add(a)
    assert place(chooser, 2) == "aa"


def test_names_decide_where_no_order_is_given() -> None:
    candidates = [Backend(f"10.0.0.{number}:80", max_connections=1) for number in (7, 5, 6)]
    chooser = first(candidates)
    picked = []
    while backend := chooser.pick("10.0.0.1"):
        backend.active += 1
        picked.append(backend.name)
    assert picked == ["10.0.0.5:80", "10.0.0.6:80", "10.0.0.7:80"]


def test_a_pick_looks_only_at_those_that_are_full_and_one_more() -> None:
    candidates = [Backend(f"{number}:1", order=number) for number in range(1000)]
    ask = Ask(candidates[3:])
    assert filled(First[Backend](), candidates).pick("10.0.0.1", ask) is candidates[3]
    assert ask.times == 4
