"""What the benchmark makes of its numbers."""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.bench.figures import Figure, Numbers, Work, less, more
from tests.bench.loads import Latency
from tests.bench.picture import draw
from tests.bench.report import rows
from tests.bench.scaling import Slice, compared


def work(beside: tuple[str, ...] = (), **figures: Figure) -> Work:
    """A work that is never carried out."""

    def measure(*_: object) -> Numbers:
        raise NotImplementedError

    return Work("work", figures, measure, beside=beside)


def rounds(**numbers: list[float]) -> dict[str, list[Mapping[str, float]]]:
    """A figure called `it` per contender, round by round."""
    return {name: [{"it": number} for number in values] for name, values in numbers.items()}


def test_the_ratio_is_the_median_of_the_rounds_against_the_peer_with_the_better_median() -> None:
    numbers = rounds(nginx=[10, 40, 10], haproxy=[20, 30, 20], tidegate=[10, 10, 40])
    assert rows(work(it=more()), numbers)[0].ratio == 0.5  # against HAProxy: 10/20, 10/30, 40/20
    assert rows(work(it=less()), numbers)[0].ratio == 1.0  # against nginx: 10/10, 10/40, 40/10


def test_a_contender_beside_the_peers_is_shown_and_does_not_count_as_the_better_one() -> None:
    numbers = rounds(nginx=[10], haproxy=[20], faster=[40], tidegate=[10])
    row = rows(work(("faster",), it=more(goal=0.5)), numbers)[0]
    assert (row.ratio, row.reached, row.ratios) == (0.5, True, {"nginx": 1.0, "haproxy": 0.5, "faster": 0.25})


def test_there_is_no_ratio_to_nothing() -> None:
    row = rows(work(it=less(limit=0)), rounds(nginx=[1, 0], haproxy=[1, 0], tidegate=[0, 0]))[0]
    assert (row.ratio, row.reached, row.ratios) == (None, True, {})


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (more(), None),
        (more(goal=0.5), True),
        (more(goal=0.6), False),
        (less(goal=0.5), True),
        (less(goal=0.4), False),
        (more(goal=0.5, limit=11), False),
        (less(goal=0.5, limit=11), True),
    ],
)
def test_goals_are_for_the_ratio_and_limits_for_our_own_number(figure: Figure, reached: bool | None) -> None:  # noqa: FBT001
    row = rows(work(it=figure), rounds(nginx=[20.0], haproxy=[20.0], tidegate=[10.0]))[0]
    assert row.reached is reached


def test_a_figure_that_only_we_have_has_no_ratio() -> None:
    numbers = rounds(nginx=[20.0], haproxy=[20.0], tidegate=[10.0])
    for round_of_ours in numbers["tidegate"]:
        assert isinstance(round_of_ours, dict)
        round_of_ours["ours"] = 1.0
    row = rows(work(it=more(), ours=less(limit=2.0)), numbers)[1]
    assert (row.ratio, row.reached, row.medians) == (None, True, {"tidegate": 1.0})


def test_the_picture_has_a_bar_for_each_ratio_and_a_mark_for_each_goal(tmp_path: Path) -> None:
    goals = [None, 1.1, None, 0.95, None]
    figures = [
        {"figure": f"<{number}>", "ratio": 0.5 * number, "goal": goal, "more_is_better": number % 2 == 0}
        for number, goal in enumerate(goals)
    ]
    document = {"machine": {"cores": 2}, "works": [{"work": "a & b", "figures": [*figures, {"figure": "-", "ratio": None}]}]}
    draw(document, tmp_path / "picture.svg")
    picture = ET.parse(tmp_path / "picture.svg")
    bars = picture.findall("{http://www.w3.org/2000/svg}rect")[1:]
    marks = picture.findall("{http://www.w3.org/2000/svg}line")[1:]
    assert (len(bars), len(marks)) == (5, 2)


@pytest.mark.parametrize(
    ("spent", "connections", "times", "share"),
    [
        ([1.0, 1.0], [32, 32], 2.0, 0.5),
        ([1.5, 0.5], [48, 16], 2 / 1.5, 0.75),  # the busier worker ends last
        ([1.25, 1.25], [32, 32], 1.6, 0.5),  # each message costs more than with one worker
        ([2.0, 0.0], [64], 1.0, 1.0),  # the other one has nothing to do
    ],
)
def test_a_second_worker_brings_what_the_busier_one_has_time_for(
    spent: list[float], connections: list[int], times: float, share: float
) -> None:
    seen = Latency(requests=1000, per_second=500, p50=0.1, p99=0.2)
    pair = Slice(seen, [2.0], [64]), Slice(seen, spent, connections)
    numbers = compared([pair, pair])
    assert numbers["times one worker, by processor time"] == pytest.approx(times)
    assert numbers["share of connections on the busier worker"] == share
    assert numbers["processor seconds per message, times one worker"] == sum(spent) / 2


def test_two_workers_are_told_by_the_median_of_their_pairs() -> None:
    seen = Latency(requests=1000, per_second=500, p50=0.1, p99=0.2)
    pairs = [(Slice(seen, [2.0], [64]), Slice(seen, [spent, 0], [64])) for spent in (1.0, 2.0, 4.0)]
    assert compared(pairs)["times one worker, by processor time"] == 1.0
