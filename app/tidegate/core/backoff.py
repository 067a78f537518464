"""Exponential backoff: pauses between attempts double while the attempts keep failing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses from `first` seconds, doubling up to `longest`. A run of at least `healthy_after` seconds resets them."""

    first: float = 0.1
    longest: float = 10.0
    healthy_after: float = 30.0
    failures: int = 0

    def after_run(self, lasted: float) -> "Backoff":
        """The backoff after a run that failed after `lasted` seconds."""
        failures = 1 if lasted >= self.healthy_after else self.failures + 1
        return Backoff(self.first, self.longest, self.healthy_after, failures)

    @property
    def pause(self) -> float:
        """Seconds to wait before the next attempt; 0 before the first failure."""
        if not self.failures:
            return 0.0
        return min(self.longest, self.first * float(1 << min(self.failures - 1, 32)))
