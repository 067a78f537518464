"""Refuses pools whose backends are listeners of the same process and lead back to the same pool."""

from collections.abc import Iterator

from tidegate.core.pools.cycles import Entrance, Entrances, Hop, in_words, is_this_host, way_back
from tidegate.settings.checks.problem import problem
from tidegate.settings.model import Settings
from tidegate.settings.reading.names import flat_form, variable_of


def cycle_problems(settings: Settings) -> list[str]:
    """Return a line for each cycle that shows in the addresses as written.

    One client of such a pool would become endless sessions.
    """
    listeners = settings.listeners.items()
    entrances = Entrances(
        (
            Entrance(name, pool, address)
            for name, listener in listeners
            for pool in listener.pools
            for address in listener.addresses
        ),
        is_this_host,
    )
    hops = {pool: list(_hops(settings, pool, entrances)) for pool in settings.pools}
    told: set[str] = set()
    problems = []
    for pool in settings.pools:
        for hop in hops[pool]:
            found = None if pool in told else way_back(pool, hop, lambda name: hops.get(name, ()))
            if found:
                told.update(each.entrance.pool for each in found)
                problems.append(problem(variable_of(flat_form(("pools", pool, "backends"))), _message(pool, found)))
    return problems


def _hops(settings: Settings, pool: str, entrances: Entrances) -> Iterator[Hop]:
    for backend in settings.pools[pool].backends:
        yield from entrances.hops(backend.address)


def _message(pool: str, hops: tuple[Hop, ...]) -> str:
    fix = "give the address of something behind it"
    if len(hops) == 1:
        return f"{hops[0].address} is the listener {hops[0].entrance.listener} itself: {fix}"
    return f"its clients would go round without end, {in_words(pool, hops)}: {fix}"
