"""Points on a circle."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.balance.ring import CIRCLE, LONGEST_RUN, Ring


def walk(ring: Ring[str], start: int, reach: int = CIRCLE) -> list[tuple[int, str]]:
    """Distances and owners in the order of a walk."""
    return [
        (position - origin, owner)
        for origin, positions, owners in ring.clockwise(start, reach)
        for position, owner in zip(positions, owners, strict=True)
    ]


@given(st.randoms(use_true_random=False), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, CIRCLE - 1))
def test_a_walk_meets_every_point_once_in_order_of_distance(random: Random, many: int, gone: int, start: int) -> None:
    points = {random.randrange(CIRCLE): f"owner {number}" for number in range(many)}
    ring = Ring[str]()
    for position, owner in points.items():
        ring.add(position, owner)
    for position in random.sample(sorted(points), min(gone, len(points))):
        ring.remove(position, points.pop(position))
    expected = sorted(((position - start) % CIRCLE, owner) for position, owner in points.items())
    assert walk(ring, start) == expected
    reach = random.randrange(CIRCLE)
    near = walk(ring, start, reach)
    assert near == expected[: len(near)]
    assert len(near) >= len([distance for distance, _ in expected if distance <= reach])


@given(st.integers(0, CIRCLE - 1))
def test_runs_stay_short_so_that_a_change_moves_few_points(seed: int) -> None:
    ring, random = Ring[str](), Random(seed)
    for _ in range(2000):
        ring.add(random.randrange(CIRCLE), "owner")
    assert max(len(positions) for positions, _ in ring._runs) <= LONGEST_RUN


def test_two_owners_may_have_a_point_at_the_same_place() -> None:
    ring = Ring[str]()
    ring.add(7, "a")
    ring.add(7, "b")
    ring.remove(7, "b")
    assert walk(ring, 0) == [(7, "a")]
