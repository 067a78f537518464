"""A Fenwick tree: a list of weights with prefix sums, and search by prefix sum. Each operation costs O(log n).

Source: Fenwick, "A new data structure for cumulative frequency tables" (1994).
"""


class FenwickTree:
    """Integers by index. Node i, counted from 1, holds the sum of the last i & -i numbers up to the i-th."""

    def __init__(self) -> None:
        self._nodes = [0]
        self.total = 0

    def append(self, weight: int) -> None:
        """Add a number at the end."""
        node = len(self._nodes)
        self.total += weight
        self._nodes.append(self.total - self.sum_before(node - (node & -node)))

    def pop(self) -> None:
        """Remove the last number."""
        last = len(self._nodes) - 1
        self.total = self.sum_before(last - 1)
        self._nodes.pop()

    def add(self, index: int, change: int) -> None:
        """Add `change` to one number."""
        self.total += change
        node = index + 1
        while node < len(self._nodes):
            self._nodes[node] += change
            node += node & -node

    def sum_before(self, index: int) -> int:
        """The sum of all numbers before this index."""
        total = 0
        while index:
            total += self._nodes[index]
            index &= index - 1
        return total

    def find(self, point: int) -> int:
        """The index of the number that covers `point`, when the numbers are laid end to end. 0 <= point < total."""
        nodes = self._nodes
        size = len(nodes)
        index = 0
        step = 1 << (size - 1).bit_length() - 1
        while step:
            following = index + step
            if following < size and nodes[following] <= point:
                index = following
                point -= nodes[following]
            step >>= 1
        return index
