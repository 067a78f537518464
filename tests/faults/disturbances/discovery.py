"""Sources of backends that are slow, wrong or away: the backends stay as they are."""

import asyncio
import random
from typing import ClassVar, Final

from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.sources import Dns, Kubernetes
from tests.faults.world import World
from tests.support.api_server import hang, plain, raw, sending, status
from tests.support.dns_server import Fault

WHILE: Final = (0.5, 4.0)  # seconds
DELAYS: Final = (0.1, 0.4, 2.0)  # seconds; the last is longer than the proxy waits for DNS


class DnsTrouble(Disturbance):
    """A DNS server that says nothing, refuses, is slow, or answers something else."""

    name = "trouble with DNS"
    signs: ClassVar = frozenset({"discovery_events failed"})
    sources: ClassVar = frozenset({"dns"})

    async def strike(self, world: World) -> None:
        """For a moment; a name that does not exist is believed only after several answers, so that is no fault here."""
        assert isinstance(world.source, Dns)
        server = world.source.server
        server.fault = random.choice([None, *(fault for fault in Fault if fault is not Fault.NXDOMAIN)])
        server.delay = random.choice(DELAYS)
        await asyncio.sleep(random.uniform(*WHILE))
        server.fault, server.delay = None, 0.0


class ApiServerTrouble(Disturbance):
    """An API server that is away, breaks off, is slow, or answers something else."""

    name = "trouble with the API server"
    signs: ClassVar = frozenset({"discovery_events failed"})
    sources: ClassVar = frozenset({"kubernetes"})

    async def strike(self, world: World) -> None:
        """For a moment."""
        assert isinstance(world.source, Kubernetes)
        server = world.source.server
        match random.choice(("away", "wrong", "slow", "forgets", "breaks off")):
            case "away":
                await server.stop()
                await asyncio.sleep(random.uniform(*WHILE))
                await server.start()
            case "wrong":
                fault = random.choice(
                    (hang, status(500), status(429), plain(502, "no"), raw(b"{}"), sending(b"{\n", then="cut"))
                )
                server.standing = {"list": fault, "watch": fault}
                await server.cut_watches()
                await asyncio.sleep(random.uniform(*WHILE))
                server.standing = {}
            case "slow":
                server.delay = random.choice(DELAYS)
                await server.cut_watches()
                await asyncio.sleep(random.uniform(*WHILE))
                server.delay = 0.0
            case "forgets":
                server.compact()
                await server.cut_watches()
            case _:
                await server.cut_watches()
