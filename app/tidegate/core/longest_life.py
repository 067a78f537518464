"""The longest life of a session, spread so that sessions which began together do not end together."""

GOLDEN_RATIO = 0.6180339887498949
"""Its multiples without their whole parts are spread evenly over 0 to 1, however many follow one another (Weyl)."""


def longest_life(most: float, jitter_percent: int, number: int) -> float:
    """Seconds that the session with this number may live: at most `most`, and at least that without its jitter.

    The lives of sessions with consecutive numbers lie far apart.
    """
    return most * (1.0 - jitter_percent / 100.0 * (number * GOLDEN_RATIO % 1.0))
