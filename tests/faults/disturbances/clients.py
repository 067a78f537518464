"""Clients that fail."""

import asyncio
import itertools
import random
from typing import ClassVar, Final

from tests.faults.backend import MOST_BEFORE_CUT
from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.mix import WITHOUT_RESETS
from tests.faults.script import Script
from tests.faults.world import World

WHILE: Final = (0.5, 3.0)  # seconds
AT_ONCE: Final = 8
_cuts = itertools.count()


class ClientsThatBreakOff(Disturbance):
    """Clients break off after each number of bytes in turn; their backends get all and the reset."""

    name = "clients that break off at every byte"
    unlike: ClassVar = WITHOUT_RESETS

    async def strike(self, world: World) -> None:
        """Some more, for a moment."""
        async with world.clients.more(AT_ONCE, _cut):
            await asyncio.sleep(random.uniform(*WHILE))


def _cut(script: Script) -> Script:
    return script.cut_after(next(_cuts) % MOST_BEFORE_CUT)
