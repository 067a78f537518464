"""What the poller calls when something happens at a socket."""

from collections.abc import Callable


class Handler:
    """Handles the events of a socket.

    A base class and no protocol: compiled, the poller calls its methods through a table instead of by their names, which
    saves 170 instructions per event.
    """

    __slots__ = ()

    def ready(self, events: int) -> None:
        """Something has changed at the socket: the bits of epoll_ctl(2)."""
        raise NotImplementedError

    def failed(self) -> None:
        """`ready` raised, which is a bug in it: clean up. Raises CannotGoOnError when the worker must end."""
        raise NotImplementedError


class Callbacks(Handler):
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
