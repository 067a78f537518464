"""The parts of Tidegate that are mutated, and which tests must notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from tests.mutants.mutant import Mutant, mutants

APP, TESTS = PurePath("app/tidegate"), PurePath("tests")


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of `app/tidegate`, and the tests of its area, quick ones first."""

    folder: str
    area: tuple[str, ...]

    def mutants(self) -> list[Mutant]:
        """All mutants of the folder in the working tree."""
        files = sorted(Path(APP, self.folder).rglob("*.py"))
        return [mutant for file in files for mutant in mutants(str(file), file.read_text())]

    def stages(self, file: str) -> Sequence[str]:
        """The tests for a mutant of this file, in turn until some notice it: those of its module, then those of the area."""
        place = TESTS / PurePath(file).relative_to(APP)
        own = place.with_name(f"test_{place.name}")
        return (str(own), *self.area) if Path(own).exists() else self.area


PARTS = {
    "core": Part("core", ("tests/core", "tests/control/pools")),
    "relay": Part("dataplane/relay", ("tests/dataplane/session", "tests/dataplane/relay", "tests/dataplane/wire")),
    "session": Part(
        "dataplane/session", ("tests/dataplane/session", "tests/dataplane/routing", "tests/dataplane/test_worker.py")
    ),
    "live_pool": Part(
        "control/pools", ("tests/control/pools", "tests/control/report", "tests/control/test_pool_runtime.py")
    ),
    "metrics": Part("control/report/metrics", ("tests/control/report", "tests/control/pools")),
    "settings": Part("settings", ("tests/settings", "tests/test_documentation.py")),
}
