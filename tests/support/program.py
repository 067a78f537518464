"""What the programs among the tests have in common: those that run for long, and start proxies."""

import signal
import sys

from rich.console import Console

from tests.support.namespace import enter_own_network

WIDTH = 200  # of what is no terminal


def begin() -> Console:
    """Begin a program in a network of its own, where that may be done; SIGTERM ends it in order, with exit code 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no proxy is left behind
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH)
    try:
        enter_own_network()
    except OSError as error:
        console.print(f"no network of its own: {error}")
    return console
