"""Slow start: the weight of a backend that has just come up grows evenly, over a set time, from a tenth to its full weight.

Like `slow_start` of nginx and `slowstart` of HAProxy; Envoy begins at a tenth, too.
"""

SCALE = 20
"""Weights in a pool with slow start are multiplied by this, so that a backend of weight 1 can have less than its weight."""

FIRST_PARTS = 2
STEPS = SCALE - FIRST_PARTS


def parts(warm_for: float, duration: float) -> int:
    """The parts (of SCALE) of its weight that a backend has `warm_for` seconds after it came up; `duration` in seconds."""
    if warm_for >= duration:
        return SCALE
    return FIRST_PARTS + int(STEPS * max(0.0, warm_for) / duration)
