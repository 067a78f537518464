"""Reaps orphans: the first process of a container becomes the parent of processes whose parent has ended."""

import os

FIRST_PROCESS = 1


class Orphans:
    """Waits for ended children that no other code waits for, which would stay zombies."""

    def __init__(self) -> None:
        self._seen: int | None = None

    def reap(self) -> None:
        """Let one go, if it had already ended at the call before: the loop waits for its own children between two calls."""
        ended = _ended_child()
        if ended is not None and ended == self._seen:
            os.waitpid(ended, 0)
        self._seen = ended


def inherits() -> bool:
    """Whether the system makes orphans children of this process."""
    return os.getpid() == FIRST_PROCESS


def _ended_child() -> int | None:
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found else None
