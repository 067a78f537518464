"""The rise/fall machine: consecutive probe results decide the state of a backend."""

from dataclasses import dataclass
from typing import Literal

from tidegate.core.pools.backend import State

Verdict = Literal[State.CHECKING, State.UP, State.DOWN]


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict of a backend's probes so far.

    `successes` and `failures` are consecutive counts: each result resets the other count, like nginx's `rise` and `fall`.
    """

    verdict: Verdict = State.CHECKING
    successes: int = 0
    failures: int = 0

    @property
    def undecided(self) -> bool:
        """Whether the next probes may change the verdict: still checking, or the last result contradicts it."""
        return self.verdict is State.CHECKING or (self.failures > 0 if self.verdict is State.UP else self.successes > 0)

    def after(self, *, passed: bool, rise: int, fall: int) -> "Health":
        """The health after one more probe. The first probe decides alone; later ones need `rise` or `fall` in a row."""
        successes = self.successes + 1 if passed else 0
        failures = 0 if passed else self.failures + 1
        verdict = self.verdict
        if verdict is State.CHECKING:
            verdict = State.UP if passed else State.DOWN
        elif verdict is State.DOWN and successes >= rise:
            verdict = State.UP
        elif verdict is State.UP and failures >= fall:
            verdict = State.DOWN
        return Health(verdict, successes, failures)
