"""Many candidates in the order of their load: the least loaded is found without a look at each.

The order is a heap of what was last seen of each candidate. A count that this process changes is told at once. What other
processes change is found by looking: at a candidate before it is picked, and with each pick at the next LOOKS of all in
turn. So a picked candidate's load is at most what that of any other was at some moment of the last n / LOOKS picks, rounded
up, of n candidates; and where no other process changes counts, no other has less.
"""

from collections.abc import Iterable
from typing import Final, Generic

from tidegate.core.balance.policy import MOST_REFUSALS, C, Usable

LOOKS: Final = 16


def load_of(candidate: C) -> float:
    """Connections per weight with the new one: an idle backend of weight 2 comes before an idle one of weight 1."""
    return (candidate.active + 1) / candidate.weight


class Place(Generic[C]):
    """What was last seen of a candidate, its place in the heap and its seat in the round of looks.

    `turn` is when it was last picked: the lowest comes first among those that tie.
    """

    __slots__ = ("candidate", "load", "position", "seat", "turn")

    def __init__(self, candidate: C, seat: int, turn: int) -> None:
        self.candidate, self.seat, self.turn = candidate, seat, turn
        self.load = load_of(candidate)
        self.position = 0


class LoadOrder(Generic[C]):
    """The candidates. It follows each of them until that is removed."""

    def __init__(self, candidates: Iterable[C]) -> None:
        self._places: dict[C, Place[C]] = {}
        self._heap: list[Place[C]] = []
        self._round: list[Place[C]] = []
        self._next = self._turn = 0
        for candidate in candidates:
            self.add(candidate)

    def add(self, candidate: C) -> None:
        """Add the candidate; it is the last among those that tie."""
        self._turn += 1
        place = self._places[candidate] = Place(candidate, len(self._round), self._turn)
        self._round.append(place)
        self._put_in(place)
        candidate.follower = self.changed

    def remove(self, candidate: C) -> None:
        """Remove the candidate. The last of the round gets its seat, and a look: that seat may have had its turn."""
        candidate.follower = None
        place = self._places.pop(candidate)
        self._take_out(place)
        last = self._round.pop()
        if last is not place:
            last.seat = place.seat
            self._round[last.seat] = last
            self._look(last)

    def clear(self) -> None:
        """Remove all."""
        for candidate in list(self._places):
            self.remove(candidate)

    def changed(self, candidate: C) -> None:
        """The count or the weight of the candidate has changed."""
        self._look(self._places[candidate])

    def pick(self, usable: Usable[C]) -> C | None:
        """The least loaded usable candidate. Of those that tie, the one picked longest ago."""
        self._look_around()
        refused: list[Place[C]] = []
        picked = self._first(usable, refused)
        for place in refused:
            self._put_in(place)
        if picked is None:
            return None
        self._turn += 1
        picked.turn = self._turn
        self._sink(picked)
        return picked.candidate

    def _first(self, usable: Usable[C], refused: list[Place[C]]) -> Place[C] | None:
        """The place of the least loaded usable candidate. Takes those before it out of the heap, into `refused`."""
        heap = self._heap
        while heap:
            first = heap[0]
            self._look(first)
            if heap[0] is not first:
                continue  # another process has opened connections there
            if usable(first.candidate):
                return first
            self._take_out(first)
            refused.append(first)
            if len(refused) == MOST_REFUSALS and not any(map(usable, self._places)):
                break
        return None

    # Looks

    def _look_around(self) -> None:
        for _ in range(min(LOOKS, len(self._round))):
            if self._next >= len(self._round):
                self._next = 0
            self._look(self._round[self._next])
            self._next += 1

    def _look(self, place: Place[C]) -> None:
        load = load_of(place.candidate)
        if load < place.load:
            place.load = load
            self._rise(place)
        elif load > place.load:
            place.load = load
            self._sink(place)

    # The heap

    def _put_in(self, place: Place[C]) -> None:
        place.position = len(self._heap)
        self._heap.append(place)
        self._rise(place)

    def _take_out(self, place: Place[C]) -> None:
        last = self._heap.pop()
        if last is not place:
            last.position = place.position
            self._heap[last.position] = last
            self._rise(last)
            self._sink(last)

    def _rise(self, place: Place[C]) -> None:
        heap, position = self._heap, place.position
        while position:
            above = heap[(position - 1) // 2]
            if not _is_before(place, above):
                break
            heap[position], above.position, position = above, position, above.position
        heap[position] = place
        place.position = position

    def _sink(self, place: Place[C]) -> None:
        heap, position = self._heap, place.position
        size = len(heap)
        while (child := 2 * position + 1) < size:
            below = heap[child]
            if child + 1 < size and _is_before(heap[child + 1], below):
                below = heap[child + 1]
            if _is_before(place, below):
                break
            heap[position], below.position, position = below, position, below.position
        heap[position] = place
        place.position = position


def _is_before(place: Place[C], other: Place[C]) -> bool:
    return place.load < other.load or (place.load == other.load and place.turn < other.turn)
