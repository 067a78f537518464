"""Handlers of a poller, made of functions, and what went wrong in a poller."""

import sys
from collections.abc import Callable

from tidegate.dataplane.loop.handler import Callbacks


class Handling:
    """Calls a function with the events of a socket; `failures` counts the calls that raised, `handler` is for the poller."""

    def __init__(self, ready: Callable[[int], None]) -> None:
        self.failures = 0
        self.handler = Callbacks(ready, self._failed)

    def _failed(self) -> None:
        self.failures += 1


def handler(ready: Callable[[int], None] = lambda _events: None) -> Callbacks:
    """A handler that calls a function, or does nothing."""
    return Handling(ready).handler


class Bugs(list[str]):
    """The texts of the exceptions that a poller met; `note` is what it calls for each."""

    def note(self) -> None:
        """Keep the one that is being handled."""
        self.append(str(sys.exception()))
