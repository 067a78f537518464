"""Limits how often failed dials move a backend to the next address of its name: only dials to its present address count."""

from math import inf

from tidegate.core.reasons import ConnectFailure

SHORTEST = 1.0
"""Seconds after which no worker reports failures at the previous address any more."""


class Moves:
    """The moves of a pool's backends by name. Times are of the monotonic clock, in seconds."""

    def __init__(self, connect_timeout: float) -> None:
        self._connect_timeout = connect_timeout
        self._moved_at: dict[str, float] = {}

    def configure(self, connect_timeout: float) -> None:
        """Change the time that a dial may take."""
        self._connect_timeout = connect_timeout

    def may_move(self, name: str, reason: str, now: float) -> bool:
        """Whether a dial that has failed for this reason moves the backend, which is then taken as moved.

        One that has timed out may have begun at the address before.
        """
        lasted = self._connect_timeout if reason == ConnectFailure.TIMEOUT else 0.0
        if now - self._moved_at.get(name, -inf) < lasted + SHORTEST:
            return False
        self._moved_at[name] = now
        return True

    def forget(self, name: str) -> None:
        """Forget a backend that has left."""
        self._moved_at.pop(name, None)
