"""How fast sessions are closed on purpose: spread over a window, below a rate, and jittered."""

from dataclasses import dataclass

JITTER = 0.2
"""Up to this share of a step is added to it at random, so that replicas that started together drift apart."""

SHORTEST_STEP = 0.05
"""Seconds. When sessions are due more often than this, a round closes several of them."""


@dataclass(frozen=True, slots=True)
class ClosingPace:
    """Rounds of closing: at least `step` seconds between two rounds, and on average `per_round` sessions in each."""

    step: float
    per_round: float

    def first_delay(self, random: float) -> float:
        """Seconds until the first round; `random` is uniform in [0, 1)."""
        return self.step * random

    def delay(self, random: float) -> float:
        """Seconds from one round to the next. Never shorter than the step, so that the rate is never exceeded."""
        return self.step * (1 + JITTER * random)


def pace(sessions: int, window: float, rate: float) -> ClosingPace:
    """The pace that closes `sessions` over about `window` seconds, at most `rate` per second (0: no limit).

    A rate that is too low for the window makes the closing take longer than the window.
    """
    spread = window / (sessions * (1 + JITTER / 2))
    interval = max(spread, 1 / rate if rate else 0.0)
    step = max(interval, SHORTEST_STEP)
    return ClosingPace(step, step / interval if interval else sessions)
