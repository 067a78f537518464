"""`tidegate top`: shows the status of a running instance live, with bytes per second."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from tidegate.cli.instance import InstanceError, admin_url, fetch_status
from tidegate.cli.tables import Rates, overview

Totals = dict[tuple[str, str], tuple[int, int]]


def top(environ: Mapping[str, str], url: str | None, interval: float) -> int:
    """Update the tables every `interval` seconds until Ctrl-C. Returns the exit code: 1 if no instance answers at first."""
    try:
        target = admin_url(environ, url)
        status = fetch_status(target)
    except InstanceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with suppress(KeyboardInterrupt):
        _watch(target, status, interval)
    return 0


def _watch(target: str, status: dict[str, Any], interval: float) -> None:
    previous, asked = _totals(status), time.monotonic()
    with Live(overview(status, {}), auto_refresh=False, screen=sys.stdout.isatty()) as live:
        while True:
            time.sleep(interval)
            try:
                status = fetch_status(target)
            except InstanceError as error:
                live.update(Group(Text(str(error), style="bold red"), overview(status, {})), refresh=True)
                continue
            now, totals = time.monotonic(), _totals(status)
            live.update(overview(status, _rates(previous, totals, now - asked)), refresh=True)
            previous, asked = totals, now


def _totals(status: Mapping[str, Any]) -> Totals:
    return {
        (pool["name"], backend["name"]): (backend["sent_bytes_total"], backend["received_bytes_total"])
        for pool in status["pools"]
        for backend in pool["backends"]
    }


def _rates(before: Totals, after: Totals, seconds: float) -> Rates:
    return {
        key: (max(0, sent - before[key][0]) / seconds, max(0, received - before[key][1]) / seconds)
        for key, (sent, received) in after.items()
        if key in before
    }
