"""Settings of the process."""

import os

import pytest

from tidegate.settings.parts.process import WORKERS, DrainSettings, LogSettings
from tidegate.settings.words import LogLevel


def test_auto_is_a_number_of_workers() -> None:
    workers = WORKERS.read("auto")
    assert isinstance(workers, int)
    assert 1 <= workers <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("value", ["0", "65", "many", True])
def test_the_number_of_workers_has_bounds(value: object) -> None:
    with pytest.raises(ValueError, match="expected a whole number from 1 to 64 or auto"):
        WORKERS.read(value)


def test_the_defaults_are_those_of_the_contract() -> None:
    assert DrainSettings() == DrainSettings(delay=0.0, grace=25.0)
    assert LogSettings() == LogSettings(level=LogLevel.INFO, format=None)
