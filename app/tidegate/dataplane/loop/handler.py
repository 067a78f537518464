"""What the loop calls when something happens at a descriptor, and what it means when that raises."""

from collections.abc import Callable


class Callbacks:
    """A handler made of two functions."""

    __slots__ = ("_failed", "_ready")

    def __init__(self, ready: Callable[[int], None], failed: Callable[[], None]) -> None:
        self._ready, self._failed = ready, failed

    def ready(self, events: int) -> None:
        """Call the first."""
        self._ready(events)

    def failed(self) -> None:
        """Call the second."""
        self._failed()


class CannotGoOnError(Exception):
    """A bug in what all sessions depend on: the worker must end, so that another takes its place."""


def cannot_go_on() -> None:
    """What cleans up after a timer that a worker cannot do without."""
    raise CannotGoOnError("a timer that this worker needs may never run again")
