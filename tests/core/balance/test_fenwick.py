"""Weights in a row."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.balance.fenwick import FenwickTree


@given(st.lists(st.integers(1, 20) | st.none(), max_size=40), st.data())
def test_a_point_is_covered_by_the_number_that_a_list_would_say(steps: list[int | None], data: st.DataObject) -> None:
    """None takes the last one away."""
    tree, weights = FenwickTree(), list[int]()
    for weight in steps:
        if weight is not None:
            tree.append(weight)
            weights.append(weight)
        elif weights:
            tree.pop()
            weights.pop()
        if weights:
            index = data.draw(st.integers(0, len(weights) - 1))
            change = data.draw(st.integers(1 - weights[index], 20))
            tree.add(index, change)
            weights[index] += change
        assert tree.total == sum(weights)
        assert [tree.sum_before(index) for index in range(len(weights))] == [sum(weights[:i]) for i in range(len(weights))]
        covering = [index for index, weight in enumerate(weights) for _ in range(weight)]
        assert [tree.find(point) for point in range(tree.total)] == covering
