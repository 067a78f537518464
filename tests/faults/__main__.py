"""Runs rounds for a while and says what they found: `make faults`, `make soak HOURS=8`, or this with options."""

import argparse
import asyncio
import shlex
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console

from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.disturbances.registry import DISTURBANCES
from tests.faults.mix import EXTRAS, LOADS, TRANSPORTS, Extra
from tests.faults.records import Record, commit
from tests.faults.rounds import Result, run
from tests.faults.schedule import disturbances_of, mix_for
from tests.support.program import begin

SHOWN: Final = 5  # violations of a round
EXTRAS_BY_NAME: Final = {extra.name: extra for extra in EXTRAS}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
    parser.add_argument("--hours", type=float, default=0.0, help="how long, instead")
    parser.add_argument("--round", type=float, default=20.0, help="seconds of load in a round (default: 20)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first round; later rounds count on")
    parser.add_argument("--load", choices=LOADS, help="only this load")
    parser.add_argument("--workers", type=int, help="so many workers in all rounds")
    parser.add_argument("--transport", choices=TRANSPORTS, help="only this way from client to backend")
    parser.add_argument("--extra", choices=EXTRAS_BY_NAME, help="only this extra, in all rounds")
    parser.add_argument("--fault", choices=[one.name for one in DISTURBANCES], help="only this disturbance, in all rounds")
    parser.add_argument("--first", action="store_true", help="end with the first round that finds anything")
    parser.add_argument("--keep", action="store_true", help="keep the record for docs/reliability.md")
    return parser.parse_args()


def _possible(console: Console, only: str | None, extra: Extra | None, transport: str | None) -> list[type[Disturbance]]:
    """What can be done here, with this extra and this transport; what cannot be done here is said."""
    possible = []
    for one in DISTURBANCES:
        is_unlike = transport and (transport in one.unlike or not one.sources & TRANSPORTS[transport].sources)
        if only in {None, one.name} and not is_unlike and not (extra and extra.contradicts(one.sources, one.unlike)):
            if missing := one.missing():
                console.print(f"left out: {one.name}, for want of {missing}")
            else:
                possible.append(one)
    return possible


def _round(seed: int, options: argparse.Namespace, possible: list[type[Disturbance]], console: Console) -> Result:
    given: dict[str, Any] = {
        name: value for name in ("load", "workers", "transport") if (value := getattr(options, name)) is not None
    }
    disturbances = [one() for one in possible] if options.fault else disturbances_of(seed, possible)
    if options.extra:
        given["extras"] = (EXTRAS_BY_NAME[options.extra],)
    result = asyncio.run(run(mix_for(seed, disturbances, **given), disturbances, options.round))
    console.print(str(result), soft_wrap=True)
    for violation in result.violations[:SHOWN]:
        console.print(f"  FOUND {violation}", soft_wrap=True)
    if result.violations:
        console.print(f"{result.tail}\n  again: {_again(seed, options)}", soft_wrap=True)
    return result


def _again(seed: int, options: argparse.Namespace) -> str:
    """The command that plays a round again."""
    given = {name: getattr(options, name) for name in ("load", "workers", "transport", "fault", "extra")}
    words = "".join(f" --{name} {shlex.quote(str(value))}" for name, value in given.items() if value is not None)
    return f"python -m tests.faults --minutes 0.1 --round {options.round} --seed {seed}{words}"


def main() -> int:
    """Run; 1 when anything was found."""
    options, console = _arguments(), begin()
    possible = _possible(console, options.fault, EXTRAS_BY_NAME.get(options.extra), options.transport)
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = Record(commit=commit(), began=began, seed=options.seed)
    end, seed = time.monotonic() + (3600 * options.hours or 60 * options.minutes), options.seed
    while time.monotonic() < end and not (options.first and record.findings):
        record.add(_round(seed, options, possible, console))
        seed += 1
        if options.keep:
            record.keep()
    console.print(str(record))
    return 1 if record.findings else 0


if __name__ == "__main__":
    sys.exit(main())
