"""When to probe each backend: at an interval that depends on its health, and spread out, so that probes never coincide.

Each backend has its own rhythm: it starts at a random moment of the interval, and its steps vary. A late probe (the process
stood still, or too many probes were running) does not shift the next one, because that would bunch up the probes again.
"""

from dataclasses import dataclass

from tidegate.core.health.rise_fall import Health
from tidegate.core.pools.backend import State

FIRST_PROBE_SPACING = 0.01
"""Seconds per backend over which the first probes are spread: short, because a start should not wait for an interval."""

SHORTEST_STEP = 0.9
"""A jittered step is at least this share of the interval. It is at most the whole interval, so that `fall` failures in a row
never take longer than `fall` intervals."""


@dataclass(frozen=True, slots=True)
class ProbePace:
    """Seconds between two probes of a backend: normally, while its health is undecided, and while it is down.

    The values are HAProxy's `inter`, `fastinter` and `downinter`; as there, `fast_interval` takes precedence.
    """

    interval: float
    fast_interval: float
    down_interval: float

    def step(self, health: Health) -> float:
        """Seconds until the next probe of a backend with this health, without jitter."""
        if health.undecided:
            return self.fast_interval
        return self.down_interval if health.verdict is State.DOWN else self.interval


def first_delay(interval: float, backends: int, random: float) -> float:
    """Seconds until the first probe of a backend, in a pool of `backends`. `random` is uniform in [0, 1)."""
    return random * min(interval, FIRST_PROBE_SPACING * backends)


def spread_delay(step: float, random: float) -> float:
    """Seconds to a random moment of the step. Used for the second probe, to spread out backends that started together."""
    return step * (1 - random)


def jittered_delay(step: float, random: float) -> float:
    """Seconds from one probe to the next, jittered downwards so that backends drift apart."""
    return step * (SHORTEST_STEP + (1 - SHORTEST_STEP) * random)


def next_due(due: float, started: float, step: float, random: float) -> float:
    """When the next probe is due, after one that was due at `due` and started at `started` or later.

    The step counts from `due`. A probe that was late by more than a step starts a new rhythm: otherwise all backends would
    be probed at the same time after the process was stopped for a while.
    """
    planned = due + jittered_delay(step, random)
    return planned if planned >= started else started + spread_delay(step, random)
