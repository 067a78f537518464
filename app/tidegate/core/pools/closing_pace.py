"""How fast live sessions are closed on purpose: spread over a window, below a rate, and in step with nobody."""

from dataclasses import dataclass

JITTER = 0.2
"""The share of a step that is added to it at most, at random: replicas that started together drift apart."""

SHORTEST_STEP = 0.05
"""Seconds. Where sessions are due more often, several are closed in one round."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Rounds of closing: at least `step` seconds from one to the next, and on average `per_round` sessions in each."""

    step: float
    per_round: float

    def first_delay(self, random: float) -> float:
        """Seconds until the first round; `random` is uniform in [0, 1)."""
        return self.step * random

    def delay(self, random: float) -> float:
        """Seconds from one round to the next. It is never shorter than the step, so a rate is never exceeded."""
        return self.step * (1 + JITTER * random)


def pace(sessions: int, window: float, rate: float) -> Pace:
    """The pace that closes so many sessions over about `window` seconds, and at most `rate` per second (0: no limit).

    The later of the two ends wins: a rate that is too low for the window makes it longer.
    """
    spread = window / (sessions * (1 + JITTER / 2))
    interval = max(spread, 1 / rate if rate else 0.0)
    step = max(interval, SHORTEST_STEP)
    return Pace(step, step / interval if interval else sessions)
