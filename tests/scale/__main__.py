"""Measures the curves and keeps them: `make scale`, or this with options."""

import argparse
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

import uvloop
from rich.console import Console

from tests.scale.curve import Curve
from tests.scale.curves.endpoints import endpoints
from tests.scale.curves.listeners import listeners
from tests.scale.curves.probes import probes
from tests.scale.curves.sessions import sessions
from tests.support.namespace import enter_own_network

CURVES: Final[dict[str, Callable[[float, Callable[[str], None]], Coroutine[Any, Any, Curve]]]] = {
    "sessions": sessions,
    "backends": probes,
    "listeners": listeners,
    "endpoints": endpoints,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("--curve", choices=CURVES, help="only this one")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long the sessions stay (default: 60)")
    return parser.parse_args()


def main() -> int:
    """Measure; 1 when anything was found."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no proxy is left behind
    options, console = _arguments(), Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 200)
    try:
        enter_own_network()
    except OSError as error:
        console.print(f"no network of its own: {error}")
    faults = 0
    for name, measure in CURVES.items():
        if options.curve in {None, name}:
            curve = uvloop.run(measure(options.minutes, lambda line: console.print(line, style="dim", soft_wrap=True)))
            curve.show(console)
            curve.keep()
            faults += len(curve.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
