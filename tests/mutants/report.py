"""What came of the mutants of each part."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

from rich.table import Table

from tests.mutants.mutant import Mutant

GOAL = 0.95
"""The share of the mutants that change something which tests must notice."""


@dataclass(slots=True)
class Result:
    """The count of mutants of a part by what came of them."""

    part: str
    equivalent: int = 0
    caught: int = 0
    survivors: list[Mutant] = field(default_factory=list)

    def add(self, mutant: Mutant, *, caught: bool) -> None:
        """Count one that was planted."""
        if caught:
            self.caught += 1
        else:
            self.survivors.append(mutant)

    @property
    def score(self) -> float:
        """The share of the planted ones that was caught."""
        planted = self.caught + len(self.survivors)
        return self.caught / planted if planted else 1.0


def table(results: Iterable[Result]) -> Table:
    """A line for each part."""
    shown = Table("part", "mutants", "caught", "survived", "equivalent", "score")
    for result in results:
        survived = len(result.survivors)
        numbers = (result.caught + survived + result.equivalent, result.caught, survived, result.equivalent)
        shown.add_row(result.part, *map(str, numbers), f"{result.score:.1%}")
    return shown


def diff(mutant: Mutant) -> str:
    """The mutant as a patch of the working tree."""
    source = Path(mutant.file).read_text()
    lines = unified_diff(
        source.splitlines(), mutant.planted_in(source).splitlines(), mutant.file, mutant.file, n=1, lineterm=""
    )
    return "\n".join(lines)
