"""Measures the curves and keeps them: `make scale`, or this with options."""

import argparse
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

import uvloop

from tests.scale.curve import Curve
from tests.scale.curves.endpoints import endpoints
from tests.scale.curves.listeners import listeners
from tests.scale.curves.probes import probes
from tests.scale.curves.sessions import sessions
from tests.support.program import begin

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
    options, console = _arguments(), begin()
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
