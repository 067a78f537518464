"""`tidegate run` with a bug: each SIGWINCH starts a task that fails at once. Run by `python -m`; arguments are ignored."""

import signal
import sys

from tidegate.__main__ import main
from tidegate.control.tasks import spawn

BUG = signal.SIGWINCH


async def fail() -> None:
    """The task."""
    raise RuntimeError("a bug")


if __name__ == "__main__":
    signal.signal(BUG, lambda *_: spawn(fail(), "a task with a bug"))
    sys.argv[1:] = ["run"]
    main()
