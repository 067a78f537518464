"""When to probe: at a pace that fits what is known of a backend, and spread out, so that probes never fall on one moment.

Each backend has a rhythm of its own: it starts at any moment of the interval, its steps vary, and what holds a probe up (a
process that stood still, a place that was not free) does not shift the next one, for that would gather what was spread.
"""

from dataclasses import dataclass

from tidegate.core.health.rise_fall import Health
from tidegate.core.pools.backend import State

FIRST_PROBE_SPACING = 0.01
"""Seconds per backend over which the first probes are spread: soon, for a start should not wait for an interval."""

SHORTEST_STEP = 0.9
"""The share of the interval that a jittered step has at least. At most it has all of it, so that `fall` failures in a
row never take longer than `fall` intervals."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two probes of a backend: usually, while it is undecided, and while it is down.

    The words are HAProxy's `inter`, `fastinter` and `downinter`; as there, undecided comes first.
    """

    interval: float
    fast_interval: float
    down_interval: float

    def step(self, health: Health) -> float:
        """Seconds until the next probe of a backend of this health, before they are jittered."""
        if health.undecided:
            return self.fast_interval
        return self.down_interval if health.verdict is State.DOWN else self.interval


def first_delay(interval: float, backends: int, random: float) -> float:
    """Seconds until the first probe of one of `backends`; `random` is uniform in [0, 1)."""
    return random * min(interval, FIRST_PROBE_SPACING * backends)


def spread_delay(step: float, random: float) -> float:
    """Seconds to any moment of the step: for the second probe, which spreads out what started together."""
    return step * (1 - random)


def jittered_delay(step: float, random: float) -> float:
    """Seconds from one probe to the next, jittered downwards so that backends drift apart."""
    return step * (SHORTEST_STEP + (1 - SHORTEST_STEP) * random)


def next_due(due: float, started: float, step: float, random: float) -> float:
    """When to probe after a probe that was due at one time and started at another, not before.

    It counts from when it was due; a probe that was held up for longer than a step begins a new rhythm, so that backends
    whose probes were all held up (the process was stopped, say) do not go on together.
    """
    planned = due + jittered_delay(step, random)
    return planned if planned >= started else started + spread_delay(step, random)
