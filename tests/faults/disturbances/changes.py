"""What is no fault: backends that come, drain and go, and sessions that are moved."""

import asyncio
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

from tests.faults.backend import Behaviour
from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.world import World

FEWEST: Final = 2  # backends that are always there
WHILE: Final = (0.5, 2.0)  # seconds


class ComingAndGoing(Disturbance):
    """Discovery finds other backends; sessions of those that have gone stay."""

    name = "backends come and go"
    signs: ClassVar = frozenset({"discovery_events removed"})
    sources: ClassVar = frozenset({"dns", "kubernetes"})

    async def strike(self, world: World) -> None:
        """Some stay, some drain, some go, until the next time."""
        always, others = world.backends[:FEWEST], random.sample(world.backends[FEWEST:], len(world.backends) - FEWEST)
        stay = random.randint(0, len(others))
        drain = random.randint(stay, len(others))
        await world.source.show(always + others[:stay], leaving=others[stay:drain])


class ClosedOnRemoval(ComingAndGoing):
    """Discovery finds other backends; sessions of those that have gone are closed."""

    name = "sessions of removed backends closed"
    excuses: ClassVar = frozenset({"backend_removed"})
    lasts = True
    signs: ClassVar = frozenset({"backend_removed"})
    settings: Mapping[str, Any] = MappingProxyType({"ON_REMOVED": "close", "CLOSE_WINDOW": "1s"})


class ClosedWhenDown(Disturbance):
    """Sessions of a backend that goes down are closed."""

    name = "sessions of backends that are down closed"
    excuses: ClassVar = frozenset({"backend_down", "backend_reset"})
    lasts = True
    signs: ClassVar = frozenset({"backend_down"})
    settings: Mapping[str, Any] = MappingProxyType({"ON_DOWN": "close", "CLOSE_WINDOW": "500ms"})

    async def strike(self, world: World) -> None:
        """One backend does not listen until it has been found down."""
        backend = random.choice(world.backends)
        backend.behave(Behaviour.REFUSES)
        await asyncio.sleep(random.uniform(2.0, 4.0))
        backend.behave(Behaviour.PLAYS)


class Rebalancing(ComingAndGoing):
    """Sessions move to backends that have come."""

    name = "rebalancing"
    excuses: ClassVar = frozenset({"rebalance"})
    lasts = True
    signs: ClassVar = frozenset({"rebalance"})
    unlike: ClassVar = frozenset({"source_hash", "first", "affinity"})
    settings: Mapping[str, Any] = MappingProxyType(
        {"REBALANCE__MODE": "on", "REBALANCE__RATE": 100, "REBALANCE__DELAY": "500ms"}
    )
