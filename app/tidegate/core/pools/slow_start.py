"""Slow start: the share of a backend that has just come up grows, evenly over a set time, from a tenth to all of its weight.

As `slow_start` of nginx and `slowstart` of HAProxy; a tenth is where Envoy begins, too.
"""

SCALE = 20
"""Weights of a pool with slow start are counted in so many parts, so that a backend of weight 1 can have less."""

FIRST_PARTS = 2
STEPS = SCALE - FIRST_PARTS


def parts(warm_for: float, duration: float) -> int:
    """How many of the SCALE parts of its weight a backend has that came up `warm_for` seconds ago."""
    if warm_for >= duration:
        return SCALE
    return FIRST_PARTS + int(STEPS * max(0.0, warm_for) / duration)
