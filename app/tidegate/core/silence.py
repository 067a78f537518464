"""Whether a worker that says nothing is stuck, or was only not allowed to run, as control itself was not."""

from dataclasses import dataclass

STUCK_AFTER = 30.0
"""Seconds of silence after which a worker is stuck."""

PUNCTUAL = 1.0
"""Seconds between two looks at most: where it took longer, the whole process was frozen (docker pause, a cgroup freezer, a
virtual machine that moves) or starved, and the worker may have been, too."""

LATE_LOOKS = 2
"""Looks in a row that must find the worker silent for too long, so that it can show itself after the first."""


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a worker has been silent while control was punctual.

    `seconds` of silence, so many `late_looks` at it, when it was `looked_at` last, and the last `sign` of life, which is any
    number that changes while the worker runs.
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
        """Whether the worker must be taken for stuck."""
        return self.late_looks >= LATE_LOOKS
