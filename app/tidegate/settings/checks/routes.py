"""Checks routes against pools: every pool that a route leads to is known, and clients speak first where routes listen."""

from collections.abc import Iterator, Mapping

from tidegate.settings.checks.problem import problem_at
from tidegate.settings.parts.route import pool_of, route_items
from tidegate.settings.reading.entry import GivenEntries
from tidegate.settings.reading.names import Path
from tidegate.settings.words import HealthType

SPEAK_FIRST = frozenset({HealthType.SMTP, HealthType.POP3, HealthType.IMAP, HealthType.MYSQL})
"""Checks of protocols in which the server speaks first."""


def pools_of_routes(given: GivenEntries, listener: str) -> Iterator[tuple[Path, str]]:
    """Yield the place of each route of a listener, and the pool that it leads to; single values may still be invalid."""
    for index, item in enumerate(_routes(given, listener)):
        if pool := pool_of(item):
            yield ("listeners", listener, "routes", index), pool


def unknown_pools_of_routes(given: GivenEntries, pools: Mapping[str, None], listed: str) -> Iterator[str]:
    """Yield a line for each route to a pool that is not one of these; `listed` names them."""
    for listener in given.names("listeners"):
        for path, pool in pools_of_routes(given, listener):
            if pool not in pools:
                yield problem_at(path, f"no pool has the name {pool}: expected one of {listed}", given)


def waits_without_end(given: GivenEntries, pools: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each listener with routes whose own pool, given in `pools`, has servers that speak first."""
    for listener, pool in pools.items():
        path = ("listeners", listener, "routes")
        health = given.by_path.get(("pools", pool, "health", "type"))
        kind = str(health.value).strip().lower() if health else ""
        if kind in SPEAK_FIRST and _routes(given, listener):
            message = (
                f"servers of the pool {pool} speak first ({kind}), so no client would send the first bytes that routes need"
            )
            yield problem_at(path, message, given)


def _routes(given: GivenEntries, listener: str) -> list[object]:
    """The routes of a listener, not yet read; none if they cannot be told apart."""
    try:
        return route_items(given.by_path["listeners", listener, "routes"].value)
    except (KeyError, ValueError):
        return []
