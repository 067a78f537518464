"""Mixes: what is drawn together does not contradict itself."""

from tests.faults.disturbances.disturbance import EVERYWHERE
from tests.faults.mix import EXTRAS, draw

SEEDS = 2000


def test_no_mix_sets_anything_twice_and_each_extra_is_drawn() -> None:
    mixes = [draw(seed, EVERYWHERE) for seed in range(SEEDS)]
    for mix in mixes:
        keys = [key for extra in mix.extras for key, _ in extra.settings]
        options = [[mark.partition("=")[0] for mark in marks.split()] for marks in mix.marks(6)]
        assert all(len(names) == len(set(names)) for names in (keys, *options)), mix
        assert mix.source == "static" or not any(options), mix
    assert {extra for mix in mixes for extra in mix.extras} == set(EXTRAS)
