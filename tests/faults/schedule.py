"""Which disturbances a round has, and the mix that suits them."""

import random
from collections.abc import Sequence
from typing import Any, Final

from tests.faults.disturbances.disturbance import EVERYWHERE, Disturbance
from tests.faults.mix import Mix, draw

CALM: Final = 0.15  # share of the rounds in which nothing happens
TOGETHER: Final = (1, 1, 2, 3)  # how many disturbances a round has


def disturbances_of(seed: int, possible: Sequence[type[Disturbance]]) -> list[Disturbance]:
    """Some that go together, drawn from those that are possible here; in a calm round none."""
    chance = random.Random(seed)
    if chance.random() < CALM:
        return []
    chosen: list[type[Disturbance]] = []
    for one in chance.sample(possible, min(len(possible), chance.choice(TOGETHER))):
        if all(_go_together(one, other) for other in chosen):
            chosen.append(one)
    return [one() for one in chosen]


def _go_together(one: type[Disturbance], other: type[Disturbance]) -> bool:
    """Two that set the same setting contradict each other, and so do two that need different sources."""
    return bool(one.sources & other.sources) and not one.settings.keys() & other.settings.keys()


def mix_for(seed: int, disturbances: Sequence[Disturbance], **given: Any) -> Mix:
    """The mix of a seed with which these can happen; what is given is not drawn."""
    sources = EVERYWHERE.intersection(*(one.sources for one in disturbances))
    unlike = frozenset[str]().union(*(one.unlike for one in disturbances))
    return draw(seed, sources, unlike, **given)
