"""What follows the end of a watch: watch on or list again, at once or after a pause.

Source of the rules: k8s.io/client-go/tools/cache/reflector.go, `ListAndWatch` and `handleWatch`.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

from tidegate.core.backoff import Backoff

MOST_ALONE = 10
"""So many refusals in a row by a busy server, then a list: what watches are refused for may never end."""


class End(Enum):
    """How a watch has ended, or the list before it."""

    AS_ASKED = auto()  # the server has ended it after the time that was asked for
    SILENT = auto()  # neither event nor bookmark came in time, so we have ended it
    CUT = auto()  # the connection of an open watch has broken
    AT_ONCE = auto()  # the server has ended it, too soon to go on without a pause
    REFUSED = auto()  # connection refused
    BUSY = auto()  # 429 or 5xx
    EXPIRED = auto()  # 410: the version is too old
    OTHER = auto()  # 401, 403, no answer in time, nonsense, and the rest


GOOD = frozenset({End.AS_ASKED, End.SILENT})
KEEP_VERSION = GOOD | {End.CUT, End.AT_ONCE, End.REFUSED, End.BUSY}
"""After these a watch goes on from the version of its last event. After all others only a list says what is true."""


class Next(NamedTuple):
    """What to do: whether to list again, and after how many seconds at most. Without pause: at once, and no trouble."""

    lists: bool
    pause: float | None


@dataclass(frozen=True, slots=True)
class Course:
    """How lists and watches went so far."""

    backoff: Backoff
    was_expired: bool = False

    def after(self, end: End, lasted: float) -> tuple["Course", Next]:
        """The course after an attempt that lasted so many seconds, and what to do."""
        if end in GOOD:
            is_healthy = lasted >= self.backoff.healthy_after
            return Course(replace(self.backoff, failures=0) if is_healthy else self.backoff), Next(lists=False, pause=None)
        backoff = self.backoff.after_run(lasted)
        lists = end not in KEEP_VERSION or (end is End.BUSY and backoff.failures % MOST_ALONE == 0)
        is_expired = end is End.EXPIRED
        is_first_expiry = is_expired and (not self.was_expired or backoff.failures == 1)
        return Course(backoff, is_expired), Next(lists, None if is_first_expiry else backoff.pause)
