"""Runs the proxies in turn, A B C B C A, so that what the machine does meanwhile falls on all of them alike."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.contenders import OURS
from tests.bench.figures import Numbers, Pace, Work
from tests.bench.network import congestion_control

Rounds = dict[str, list[Numbers]]


def run(work: Work, pace: Pace, rounds: int, progress: Callable[[str], None]) -> Rounds:
    """Every contender's numbers, round by round."""
    numbers: Rounds = {name: [] for name in (*work.peers, *work.beside, OURS)}
    for number in range(rounds):
        for name in rotated(list(numbers), number):
            progress(f"{work.name}: round {number + 1} of {rounds}, {name}")
            with TemporaryDirectory(prefix="tidegate-bench-") as folder, congestion_control(work.congestion):
                numbers[name].append(work.measure(name, Path(folder), pace))
    return numbers


def rotated(names: list[str], by: int) -> list[str]:
    """Each goes first in its turn."""
    first = by % len(names)
    return names[first:] + names[:first]


def median_of(rounds: Sequence[Numbers], figure: str) -> float:
    """The median of a figure."""
    return median(one[figure] for one in rounds)


def spread(rounds: Sequence[Numbers], figure: str) -> float:
    """The range of a figure over the rounds, relative to its median."""
    values = [one[figure] for one in rounds]
    return (max(values) - min(values)) / median(values) if median(values) else 0.0


def ratios(work: Work, rounds: Rounds, figure: str) -> list[float]:
    """Ours against the better of the peers, pair by pair: one value per round, none where it says nothing about peers.

    The better one is the one with the better median: the better of each round would be whoever the noise favours in it.
    """
    peers = [peer for peer in work.peers if figure in rounds[peer][0]]
    if not peers:
        return []
    best = max if work.figures[figure].more_is_better else min
    return pairs(rounds, best(peers, key=lambda peer: median_of(rounds[peer], figure)), figure)


def pairs(rounds: Rounds, other: str, figure: str) -> list[float]:
    """Ours against one other, round by round, none where theirs is 0."""
    values = [(ours[figure], theirs[figure]) for ours, theirs in zip(rounds[OURS], rounds[other], strict=True)]
    return [] if any(theirs == 0 for _, theirs in values) else [ours / theirs for ours, theirs in values]
