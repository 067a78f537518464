"""When to probe: spread out, so that the probes of a pool never fall on one moment."""

FIRST_PROBE_SPACING = 0.01
"""Seconds per backend over which the first probes are spread: soon, for a start should not wait for an interval."""

SHORTEST_STEP = 0.9
"""The share of the interval that a jittered step has at least. At most it has all of it, so that `fall` failures in a
row never take longer than `fall` intervals."""


def first_delay(interval: float, backends: int, random: float) -> float:
    """Seconds until the first probe of one of `backends`; `random` is uniform in [0, 1)."""
    return random * min(interval, FIRST_PROBE_SPACING * backends)


def second_delay(interval: float, random: float) -> float:
    """Seconds from the first probe to the second: any moment of the interval, which spreads out what started together."""
    return interval * (1 - random)


def next_delay(interval: float, random: float) -> float:
    """Seconds from one probe's start to the next one's, jittered downwards so that backends drift apart."""
    return interval * (SHORTEST_STEP + (1 - SHORTEST_STEP) * random)
