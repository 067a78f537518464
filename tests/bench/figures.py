"""What a benchmark measures: works, their figures, and the goals of these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contenders import PEERS
from tests.bench.network import SYSTEM


@dataclass(frozen=True)
class Pace:
    """How long and how many, for a full run or a quick one."""

    seconds: int
    idle: int


@dataclass(frozen=True)
class Figure:
    """What a number says. `goal` is what its ratio to the better peer has to reach, `limit` what ours has to keep itself."""

    more_is_better: bool
    goal: float | None = None
    limit: float | None = None

    def reached(self, ratio: float | None, ours: float) -> bool | None:
        """Whether goal and limit are reached, None without either."""
        checks = [
            (value >= bound) if self.more_is_better else (value <= bound)
            for value, bound in ((ratio, self.goal), (ours, self.limit))
            if value is not None and bound is not None
        ]
        return all(checks) if checks else None

    @property
    def wanted(self) -> str:
        """Goal and limit to read, empty without either."""
        sign = "≥" if self.more_is_better else "≤"
        goals = [] if self.goal is None else [f"{sign} {self.goal:g} x"]
        return ", ".join([*goals, *([] if self.limit is None else [f"{sign} {shown(self.limit)}"])])


Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Work:
    """One load. `measure(contender, folder, pace)` answers a number per figure.

    `peers` are those whose better one counts, `beside` is who else is shown.
    """

    name: str
    figures: Mapping[str, Figure]
    measure: Callable[[str, Path, Pace], Numbers]
    peers: tuple[str, ...] = PEERS
    beside: tuple[str, ...] = ()
    congestion: str = SYSTEM


def more(goal: float | None = None, limit: float | None = None) -> Figure:
    """More is better."""
    return Figure(True, goal, limit)


def less(goal: float | None = None, limit: float | None = None) -> Figure:
    """Less is better."""
    return Figure(False, goal, limit)


def shown(number: float) -> str:
    """A number to read."""
    return f"{number / 1e6:.3g} million" if number >= 1e6 else f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"
