"""The longest life of a session, spread so that sessions that began together do not end together."""

from dataclasses import dataclass

GOLDEN_RATIO = 0.6180339887498949
"""Its multiples without their whole parts are spread evenly over 0 to 1, however many follow one another (Weyl)."""


@dataclass(frozen=True, slots=True)
class LongestLife:
    """Sessions live for at most `seconds`; their ends are spread over the last `jitter_percent` of that."""

    seconds: float
    jitter_percent: int

    def of(self, number: int) -> float:
        """Seconds that the session with this number may live; those of consecutive numbers lie far apart."""
        return self.seconds * (1.0 - self.jitter_percent / 100.0 * (number * GOLDEN_RATIO % 1.0))
