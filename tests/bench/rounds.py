"""Runs the proxies in turn, A B C A B C, so that what the machine does meanwhile falls on all of them alike."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.contenders import CONTENDERS
from tests.bench.works import HIGHER, Figures, Pace, Work

OURS = "tidegate"
Rounds = dict[str, list[Figures]]


def run(work: Work, pace: Pace, rounds: int, progress: Callable[[str], None]) -> Rounds:
    """Every contender's figures, round by round."""
    figures: Rounds = {name: [] for name in CONTENDERS}
    for number in range(rounds):
        for name in CONTENDERS:
            progress(f"{work.name}: round {number + 1} of {rounds}, {name}")
            with TemporaryDirectory(prefix="tidegate-bench-") as folder:
                figures[name].append(work.measure(name, Path(folder), pace))
    return figures


def medians(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return {figure: median(one[figure] for one in rounds) for figure in rounds[0]}


def spread(rounds: Sequence[Figures], figure: str) -> float:
    """The range of a figure over the rounds, relative to its median."""
    values = [one[figure] for one in rounds]
    return (max(values) - min(values)) / median(values) if median(values) else 0.0


def ratio(work: Work, rounds: Rounds, figure: str) -> float:
    """Ours against the better of the peers, pair by pair within a round, and the median of that."""
    best = max if work.better[figure] == HIGHER else min
    peers = [name for name in rounds if name != OURS]
    return median(
        ours[figure] / best(rounds[peer][number][figure] for peer in peers) for number, ours in enumerate(rounds[OURS])
    )
