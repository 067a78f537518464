"""Short rounds with real processes: a calm one, and one with trouble."""

import pytest

from tests.faults.disturbances.changes import ComingAndGoing
from tests.faults.disturbances.disturbance import Disturbance
from tests.faults.disturbances.processes import KilledWorker, StoppedControl
from tests.faults.mix import draw
from tests.faults.rounds import run

SECONDS = 2.0


@pytest.mark.parametrize("disturbances", [(), (KilledWorker, StoppedControl, ComingAndGoing)], ids=["calm", "disturbed"])
async def test_a_round_plays_sessions_and_finds_nothing(disturbances: tuple[type[Disturbance], ...]) -> None:
    made = [disturbance() for disturbance in disturbances]
    result = await run(draw(7, {"kubernetes"}, workers=2, load="short"), made, SECONDS)
    assert result.violations == []
    assert result.sessions > 0
    assert result.bytes > 0
    assert bool(result.strikes) is bool(made)
