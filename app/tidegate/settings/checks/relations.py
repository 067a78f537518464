"""Checks listeners and pools against each other: nothing given twice, every pool known, used and with one source."""

from collections.abc import Collection, Iterator
from itertools import islice

from tidegate.core.limits import MOST_BACKENDS, MOST_LISTENERS, MOST_POOLS
from tidegate.settings.checks.problem import problem, problem_at
from tidegate.settings.checks.routes import pools_of_routes, unknown_pools_of_routes, waits_without_end
from tidegate.settings.model import Settings
from tidegate.settings.parts.pool import NO_BACKENDS
from tidegate.settings.reading.entry import Entry, GivenEntries
from tidegate.settings.reading.names import flat_form, variable_of

SOURCES = (("backends",), ("dns", "name"), ("kubernetes", "service"))
"""The keys of a pool's possible sources of backends: exactly one must be given."""

_MOST_LISTED = 20


def given_twice(written: GivenEntries) -> list[str]:
    """Return a line if the default pool, or the default listener, is given in both the flat and the named form."""
    return [
        problem(flat.where, f"the {kind} default is also given by {named.where}: give only one of them")
        for kind in ("pool", "listener")
        if (flat := _first(written, kind, is_flat=True)) and (named := _first(written, kind, is_flat=False))
    ]


def too_many_names(given: GivenEntries) -> list[str]:
    """Return a line if there are too many listeners, and one if there are too many pools."""
    limits = (("listeners", MOST_LISTENERS), ("pools", MOST_POOLS))
    counts = ((section, len(given.names(section)), most) for section, most in limits)
    return [
        problem(variable_of((section,)), f"{count} {section}: expected at most {most}")
        for section, count, most in counts
        if count > most
    ]


def relation_problems(given: GivenEntries) -> list[str]:
    """Return a line for each listener or route without its pool, pool without a use, and pool without exactly one source.

    Single values may still be invalid.
    """
    if not given.names("listeners"):
        pools = _listed(given.names("pools"))
        name = variable_of(("listeners", "<name>", "bind"))
        return [*_sources(given), problem(name, f"no listener: give at least one for the pools {pools}")]
    return [
        *_sources(given),
        *_unknown_pools(given),
        *unknown_pools_of_routes(given, dict.fromkeys(given.names("pools")), _listed(given.names("pools"))),
        *waits_without_end(given, _pools_of_listeners(given)),
        *_unused_pools(given),
    ]


def too_many_backends(settings: Settings) -> list[str]:
    """Return a line if all pools together have too many backends."""
    count = sum(len(pool.backends) for pool in settings.pools.values())
    if count <= MOST_BACKENDS:
        return []
    return [problem(variable_of(("pools",)), f"{count} backends in all pools together: expected at most {MOST_BACKENDS}")]


def _first(written: GivenEntries, kind: str, *, is_flat: bool) -> Entry | None:
    entries = (entry for entry in written.all if entry.path[:2] == (f"{kind}s", "default"))
    return next((entry for entry in entries if entry.is_flat is is_flat), None)


def _sources(given: GivenEntries) -> Iterator[str]:
    for pool in given.names("pools"):
        sources = [path for keys in SOURCES if (path := ("pools", pool, *keys)) in given.by_path]
        if not sources:
            yield problem(given.where(("pools", pool, *SOURCES[0])), NO_BACKENDS)
        for other in sources[1:]:
            message = f"the pool's backends are also given by {given.where(sources[0])}: give only one of them"
            yield problem_at(other, message, given)


def _unknown_pools(given: GivenEntries) -> Iterator[str]:
    pools = dict.fromkeys(given.names("pools"))
    for name, pool in _pools_of_listeners(given).items():
        if pool not in pools:
            origin = " (it is the listener's own name, the default)" if pool == name else ""
            message = f"no pool has this name{origin}: expected one of {_listed(pools)}"
            yield problem_at(("listeners", name, "pool"), message, given)


def _unused_pools(given: GivenEntries) -> Iterator[str]:
    used = set(_pools_of_listeners(given).values())
    used.update(pool for listener in given.names("listeners") for _, pool in pools_of_routes(given, listener))
    first_entries = {entry.path[1]: entry for entry in reversed(given.all) if entry.path[0] == "pools" and entry.path[1:]}
    for pool in given.names("pools"):
        if pool not in used:
            bind = variable_of(flat_form(("listeners", pool, "bind")))
            yield problem(first_entries[pool].where, f"no listener uses the pool {pool}: give {bind} or remove the pool")


def _pools_of_listeners(given: GivenEntries) -> dict[str, str]:
    paths = {name: ("listeners", name, "pool") for name in given.names("listeners")}
    return {name: str(given.by_path[path].value).strip() for name, path in paths.items() if path in given.by_path}


def _listed(names: Collection[str]) -> str:
    return ", ".join(islice(names, _MOST_LISTED)) + (", ..." if len(names) > _MOST_LISTED else "")
