"""Which disturbances a round has, and the mix that suits them."""

import random
from collections.abc import Sequence
from typing import Any, Final

from tests.faults.disturbances.disturbance import EVERYWHERE, Disturbance
from tests.faults.mix import Mix, draw

TOGETHER: Final = (0, 0, 1, 2)  # how many disturbances a round has beside the one whose turn it is


def disturbances_of(seed: int, possible: Sequence[type[Disturbance]]) -> list[Disturbance]:
    """One of those that are possible here, each in its turn, and others that go with it; after all of them, a calm round."""
    chance, turn = random.Random(seed), seed % (len(possible) + 1)
    if turn == len(possible):
        return []
    chosen = [possible[turn]]
    for one in chance.sample(possible, min(len(possible), chance.choice(TOGETHER))):
        if all(_go_together(one, other) for other in chosen):
            chosen.append(one)
    return [one() for one in chosen]


def _go_together(one: type[Disturbance], other: type[Disturbance]) -> bool:
    """Not with itself, nor if both set the same setting, or need different sources."""
    return one is not other and bool(one.sources & other.sources) and not one.settings.keys() & other.settings.keys()


def mix_for(seed: int, disturbances: Sequence[Disturbance], **given: Any) -> Mix:
    """The mix of a seed with which these can happen; what is given is not drawn."""
    sources = EVERYWHERE.intersection(*(one.sources for one in disturbances))
    unlike = frozenset[str]().union(*(one.unlike for one in (*disturbances, *given.get("extras", ()))))
    return draw(seed, sources, unlike, **given)
