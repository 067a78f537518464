"""Formats the status of an instance as tables for a terminal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

STATE_STYLES = {
    "up": "green",
    "down": "bold red",
    "checking": "yellow",
    "draining": "cyan",
    "ejected": "magenta",
}
Rates = Mapping[tuple[str, str], tuple[float, float]]
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def overview(status: Mapping[str, Any], rates: Rates | None = None) -> RenderableType:
    """A line about the process, a table of the listeners, and a table per pool.

    `rates` has bytes per second, sent and received, by pool and backend. With it the tables show these instead of totals.
    """
    return Group(_headline(status), _listeners(status), *(_pool(pool, rates) for pool in status["pools"]))


def _headline(status: Mapping[str, Any]) -> Text:
    connections = sum(worker["connections_active"] for worker in status["workers"])
    restarts = sum(worker["restarts"] for worker in status["workers"])
    text = Text(f"tidegate {status['version']}  {status['state']}  up {duration(status['uptime_seconds'])}  ")
    return text.append(f"{len(status['workers'])} worker(s)  {restarts} restart(s)  {connections} connection(s)")


def _listeners(status: Mapping[str, Any]) -> Table:
    table = Table(title="listeners", title_justify="left", expand=False)
    for column in ("listener", "address", "pool"):
        table.add_column(column, overflow="fold")
    for column in ("live", "total", "rejected"):
        table.add_column(column, justify="right")
    for listener in status["listeners"]:
        table.add_row(
            Text(listener["name"]),
            Text(listener["bind"]),
            Text(listener["pool"]),
            str(listener["connections_active"]),
            str(listener["connections_total"]),
            str(listener["rejected_total"]),
        )
    return table


def _pool(pool: Mapping[str, Any], rates: Rates | None) -> Table:
    synced = "" if pool["discovery"]["synced"] else ", not synced"
    if reason := pool["discovery"]["reason"]:
        synced += f": {reason}"
    panic = ", health ignored" if pool["panic"] else ""
    title = f"pool {pool['name']} ({pool['balance']}, {pool['discovery']['source']}{synced}{panic})"
    table = Table(title=Text(title), title_justify="left", expand=False)
    table.add_column("backend", overflow="fold")
    table.add_column("state")
    table.add_column("since", justify="right")
    for column in ("weight", "live", "total", "failed"):
        table.add_column(column, justify="right")
    for column in ("sent", "received") if rates is None else ("sent/s", "received/s"):
        table.add_column(column, justify="right")
    table.add_column("rise/fall", justify="right")
    table.add_column("last probe", overflow="fold")
    for backend in pool["backends"]:
        table.add_row(*_backend(pool["name"], backend, rates))
    return table


def _backend(pool: str, backend: Mapping[str, Any], rates: Rates | None) -> list[Text]:
    health = backend["health"]
    sent, received = backend["sent_bytes_total"], backend["received_bytes_total"]
    if rates is not None:
        sent, received = rates.get((pool, backend["name"]), (0.0, 0.0))
    cells = [
        f"{backend['weight']}{' backup' if backend['backup'] else ''}",
        str(backend["connections_active"]),
        str(backend["connections_total"]),
        str(backend["connect_failures_total"]),
        size(sent),
        size(received),
        f"{health['successes']}/{health['failures']}",
        f"{health['type']}: {health['last_result'] or 'none yet'}",
    ]
    state = Text(backend["state"], style=STATE_STYLES.get(backend["state"], ""))
    return [Text(backend["name"]), state, Text(_age(backend["since"])), *map(Text, cells)]


def duration(seconds: float) -> str:
    """A number of seconds in its two largest units, like `3h 20m`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    parts = [(days, "d"), (hour, "h"), (minute, "m"), (second, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2])


def size(count: float) -> str:
    """A number of bytes in the largest suitable unit, like `1.5 MiB`."""
    for unit in UNITS:
        if count < 1024 or unit == UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError


def _age(since: str) -> str:
    return duration(max(0.0, (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()))
