"""Which backends of a pool are in their slow start, and since when. Workers let the weights grow."""

from collections.abc import Iterable
from time import monotonic

from tidegate.core.pools.backend import Backend, State
from tidegate.core.pools.slow_start import SCALE, parts
from tidegate.core.pools.snapshot import BackendAdded, BackendRemoved, Change, StateChanged


class Warming:
    """The slow starts of one pool; `duration` in seconds, 0 means none.

    `since` says when a backend came up, in seconds of the monotonic clock, which workers have, too.
    """

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self.since: dict[str, float] = {}

    def configure(self, duration: float) -> None:
        """Change the duration, also of slow starts that have begun."""
        self._duration = duration
        if not duration:
            self.since.clear()

    def follow(self, changes: Iterable[Change], *, settled: bool) -> None:
        """Take over changes of backends; `settled` says whether clients may have come before these."""
        if self._duration:
            for change in changes:
                self._follow(change, settled=settled)

    def weight(self, backend: Backend) -> float:
        """The weight that balancing goes by now: less than the configured one while the backend starts slowly."""
        since = self.since.get(backend.name)
        if since is None:
            return backend.weight
        return backend.weight * parts(monotonic() - since, self._duration) / SCALE

    def _follow(self, change: Change, *, settled: bool) -> None:
        """A slow start is for a backend that comes up while others serve already, and not for those that start together."""
        name = change.member.backend.name
        if isinstance(change, BackendRemoved) or change.member.state is not State.UP:
            self.since.pop(name, None)
        elif isinstance(change, StateChanged | BackendAdded):
            has_failed = isinstance(change, StateChanged) and change.previous is not State.CHECKING
            if has_failed or settled:
                self.since[name] = monotonic()
