"""Decides whether a silent worker is stuck. Silence while control itself could not run does not count."""

from dataclasses import dataclass

STUCK_AFTER = 30.0
"""A worker is stuck after this many seconds of silence."""

PUNCTUAL = 1.0
"""The most seconds between two punctual looks. After a longer gap, control was frozen (docker pause, a cgroup freezer, a
virtual machine that moves) or starved, and the worker may have been, too."""

LATE_LOOKS = 2
"""How many looks in a row must find the worker silent for too long. After the first it still has time to show itself."""


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a worker has been silent while control was punctual.

    `seconds` counts the silence, `late_looks` the looks in a row that found it too long. `looked_at` is the time of the last
    look, and `sign` the last sign of life: any number that changes while the worker runs.
    """

    seconds: float = 0.0
    late_looks: int = 0
    looked_at: float | None = None
    sign: int = 0

    def after_look(self, now: float, sign: int) -> "Silence":
        """The silence after one more look, at `now` in seconds of the monotonic clock."""
        if sign != self.sign or self.looked_at is None:
            return Silence(looked_at=now, sign=sign)
        since = now - self.looked_at
        if since > PUNCTUAL:
            return Silence(self.seconds, 0, now, sign)
        seconds = self.seconds + since
        return Silence(seconds, self.late_looks + 1 if seconds >= STUCK_AFTER else 0, now, sign)

    @property
    def stuck(self) -> bool:
        """Whether to treat the worker as stuck."""
        return self.late_looks >= LATE_LOOKS
