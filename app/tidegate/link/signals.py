"""Keeps signals from ending control and workers without a drain.

Control logs that it ignores SIGHUP, because settings are not reloaded. SIGQUIT still ends a process at once with a core
dump: that is its purpose. SIGTSTP, SIGTTIN and SIGTTOU belong to the terminal; Python ignores SIGPIPE and SIGXFSZ.
"""

import signal
from typing import Final

MEANINGLESS: Final = (
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGVTALRM,
    signal.SIGPROF,
    signal.SIGPOLL,
    signal.SIGPWR,
)


def leave_to_control() -> None:
    """In a worker, ignore the signals that control handles: a Ctrl-C in a terminal reaches all processes, and must not cut a
    drain short."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, *MEANINGLESS):
        signal.signal(number, signal.SIG_IGN)


def outlive() -> None:
    """In control, survive SIGHUP and signals without a meaning.

    Uses handlers that do nothing: child processes would inherit ignored signals, but not handlers.
    """
    for number in (signal.SIGHUP, *MEANINGLESS):
        signal.signal(number, lambda *_: None)
