"""Every kept input goes through its target. None of this needs a fuzzer."""

from pathlib import Path

import pytest

from tests.fuzz import targets
from tests.fuzz.inputs import MOST_KEPT, kept
from tests.fuzz.registry import TARGETS, load

MOST_BYTES = 16 * 1024


@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(name, path, id=f"{name}-{path.name}") for name in TARGETS for path in kept(name)]
)
def test_a_kept_input_is_read_or_refused_as_documented(name: str, path: Path) -> None:
    load(name).target(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_the_kept_inputs_of_a_target_are_few_and_small(name: str) -> None:
    assert 1 <= len(kept(name)) <= MOST_KEPT
    assert sum(path.stat().st_size for path in kept(name)) <= MOST_BYTES


def test_every_file_of_a_target_is_registered() -> None:
    files = {path.stem for path in Path(targets.__path__[0]).glob("*.py")} - {"__init__"}
    assert files == set(TARGETS)
