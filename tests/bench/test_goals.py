"""What is said about the goals of the runs that are kept."""

from typing import Any

import pytest

from tests.bench.contenders import HALF_CLOSE
from tests.bench.figures import less, more, shown
from tests.bench.goals import Goal, lines, of_cost, of_run, table
from tests.bench.machine import CONGESTION


def run(congestion: str = "bbr", **figure: Any) -> dict[str, Any]:
    """A run with the rate of new connections alone."""
    works = [{"work": "new connections", "figures": [{"figure": "per second", "medians": {"tidegate": 9.0}, **figure}]}]
    return {"machine": {CONGESTION: congestion}, "works": works if figure else []}


def goal(run: dict[str, Any], what: str) -> Goal:
    """The one of this name."""
    return next(goal for goal in of_run(run) if goal.what == what)


@pytest.mark.parametrize(("ratio", "reached"), [(0.95, True), (0.9499, False)])
def test_a_ratio_reaches_its_goal_or_not_whoever_else_is_shown(ratio: float, reached: bool) -> None:  # noqa: FBT001
    ratios = {"nginx": ratio, HALF_CLOSE: 1.1}
    assert goal(run(ratio=ratio, ratios=ratios), "new connections: per second") == Goal(
        "new connections: per second", "≥ 0.95 x", f"{ratio:.2f} x (nginx, half-close: 1.10 x)", reached
    )


def test_the_goals_of_bulk_streams_are_for_cubic_and_their_processor_time_also_for_the_systems_choice() -> None:
    bulk = {goal.what: goal.wanted for goal in of_run(run("bbr")) if goal.what.startswith("bulk download, 8")}
    assert bulk == {
        "bulk download, 8 stream(s), cubic: bytes per second": "≥ 1.1 x",
        "bulk download, 8 stream(s), cubic: processor seconds per GB": "≤ 0.65 x",
        "bulk download, 8 stream(s), bbr: processor seconds per GB": "≤ 0.65 x",
    }
    of_cubic_alone = [goal.what for goal in of_run(run("cubic")) if goal.what.startswith("bulk")]
    assert len(set(of_cubic_alone)) == len(of_cubic_alone) == 8


def test_a_figure_that_the_run_does_not_have_was_not_measured() -> None:
    assert {goal.reached for goal in of_run(run())} == {None}


@pytest.mark.parametrize(("instructions", "reached"), [(22_000, True), (22_001, False)])
def test_instructions_are_counted_with_64_clients(instructions: float, reached: bool) -> None:  # noqa: FBT001
    pieces = {
        "64 clients": {"tidegate": {"instructions": instructions}, "nginx": {"instructions": 14_400}},
        "one client": {"tidegate": {"instructions": 30_000}, "nginx": {"instructions": 16_000}},
    }
    counts = {"connection": pieces, "request": pieces}
    first = next(of_cost({"counts": counts, "idle bytes": 700}))
    assert first == Goal("instructions per connection, 64 clients", "≤ 22,000", f"{instructions:,} (nginx: 14,400)", reached)


def test_goals_that_are_missed_are_said_first() -> None:
    said = list(lines([Goal("a", "≥ 1 x", "1.00 x", reached=True), Goal("b", "≥ 2 x", "1.00 x", reached=False)]))
    assert said == [" not reached: b: 1.00 x (goal ≥ 2 x)", "     reached: a: 1.00 x (goal ≥ 1 x)"]


def test_the_table_has_a_row_per_goal() -> None:
    rows = table([Goal("a", "≥ 1 x", "1.00 x", reached=True), Goal("b", "≤ 2")]).splitlines()[2:]
    assert rows == ["| a | ≥ 1 x | 1.00 x | reached |", "| b | ≤ 2 |  | not measured |"]


@pytest.mark.parametrize(("number", "text"), [(38e6, "38 million"), (1234.5, "1,234"), (800, "800"), (0.00123, "0.00123")])
def test_numbers_are_short(number: float, text: str) -> None:
    assert shown(number) == text


def test_what_is_wanted_of_a_figure_can_be_read() -> None:
    assert [more(0.95).wanted, less(1.1, 22_000).wanted, more().wanted] == ["≥ 0.95 x", "≤ 1.1 x, ≤ 22,000", ""]
