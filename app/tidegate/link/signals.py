"""What control and workers do on signals that would end them without a drain.

Control logs that it ignores SIGHUP, as settings are not reloaded. SIGQUIT still ends a process at once with a core, which is
what it is for; SIGTSTP, SIGTTIN and SIGTTOU are the terminal's; Python ignores SIGPIPE and SIGXFSZ.
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
    """Ignore in a worker what is control's business: a Ctrl-C in a terminal reaches all processes, and must not cut a drain
    short."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, *MEANINGLESS):
        signal.signal(number, signal.SIG_IGN)


def outlive() -> None:
    """Do nothing in control on SIGHUP and on signals without a meaning.

    By handlers, since programs that control starts would inherit that a signal is ignored.
    """
    for number in (signal.SIGHUP, *MEANINGLESS):
        signal.signal(number, lambda *_: None)
