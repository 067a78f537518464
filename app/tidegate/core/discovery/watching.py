"""Decides what follows the end of a watch: watch on or list again, at once or after a pause.

Source of the rules: k8s.io/client-go/tools/cache/reflector.go, `ListAndWatch` and `handleWatch`.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

from tidegate.core.backoff import Backoff

MOST_ALONE = 10
"""After this many refusals in a row by a busy server, list again: the cause of the refusals may never go away."""


class End(Enum):
    """How a watch, or the list before it, has ended."""

    AS_ASKED = auto()  # the server ended it after the requested time
    SILENT = auto()  # no event or bookmark came in time, so we ended it
    CUT = auto()  # the connection of an open watch broke
    AT_ONCE = auto()  # the server ended it, too soon to go on without a pause
    REFUSED = auto()  # connection refused
    BUSY = auto()  # 429 or 5xx
    EXPIRED = auto()  # 410: the version is too old
    OTHER = auto()  # 401, 403, no answer in time, an answer that cannot be read, and the rest


GOOD = frozenset({End.AS_ASKED, End.SILENT})
KEEP_VERSION = GOOD | {End.CUT, End.AT_ONCE, End.REFUSED, End.BUSY}
"""After these a watch goes on from the version of its last event. After all others a new list is necessary."""


class Next(NamedTuple):
    """What to do next: list again or watch on, after at most `pause` seconds. None: at once, and it is not an error."""

    lists: bool
    pause: float | None


@dataclass(frozen=True, slots=True)
class Course:
    """The state over a series of lists and watches: the backoff, and whether the last version had expired."""

    backoff: Backoff
    was_expired: bool = False

    def after(self, end: End, lasted: float) -> tuple["Course", Next]:
        """The course after an attempt that lasted `lasted` seconds and ended so, and what to do next."""
        if end in GOOD:
            is_healthy = lasted >= self.backoff.healthy_after
            return Course(replace(self.backoff, failures=0) if is_healthy else self.backoff), Next(lists=False, pause=None)
        backoff = self.backoff.after_run(lasted)
        lists = end not in KEEP_VERSION or (end is End.BUSY and backoff.failures % MOST_ALONE == 0)
        is_expired = end is End.EXPIRED
        is_first_expiry = is_expired and (not self.was_expired or backoff.failures == 1)
        return Course(backoff, is_expired), Next(lists, None if is_first_expiry else backoff.pause)
