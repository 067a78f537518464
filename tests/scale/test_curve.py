"""The parts of the curves that measure nothing: how they are shown, and when they count as broken."""

import pytest

from tests.scale.curve import Cell, Curve, shown
from tests.scale.curves import endpoints, probes
from tests.scale.document import MOST_SHOWN, shortened, without_folder
from tests.scale.parts.cluster import MOST_MARKERS, marker_address


@pytest.mark.parametrize(
    ("cell", "text"),
    [(19872, "19,872"), (0.0209, "0.0209"), (99.96, "100"), (723.4, "723"), ("2, after 20 min", "2, after 20 min")],
)
def test_a_cell_has_as_many_digits_as_say_something(cell: Cell, text: str) -> None:
    assert shown(cell) == text


def test_a_curve_in_a_document_is_a_table_and_what_happens_where_it_breaks() -> None:
    curve = Curve(
        "sessions", "Live sessions", "abc1234", "2026-11-29 17:30", "2 cores", [{"workers": "1", "sessions": 9936}]
    )
    curve.breaks.append("More clients wait.")
    curve.expect(holds=False, fault="one was lost")
    table, breaks, last = curve.markdown().split("\n\n")
    assert table == "| workers | sessions |\n| --- | ---: |\n| 1 | 9,936 |"
    assert breaks == "- More clients wait."
    assert last.endswith("commit `abc1234`, 2 cores; faults found: 1.")


def test_a_newer_marker_comes_before_all_older_ones_in_the_order_of_names() -> None:
    names = [marker_address(number) for number in range(MOST_MARKERS)]
    assert names == sorted(set(names))
    assert names[-1] < "127.1.0.0"


def test_a_marker_that_a_newer_one_has_overtaken_is_used_when_that_one_is() -> None:
    markers = endpoints.Markers()
    markers._first_used |= {"127.0.2.1": 5.5, "127.0.1.1": 7.0}
    assert markers.delays([("127.0.3.1", 4.0), ("127.0.2.1", 5.0), ("127.0.1.1", 6.0), ("127.0.0.1", 8.0)]) == [
        1.0,
        0.5,
        1.5,
    ]


def test_probes_are_too_late_beyond_half_an_interval() -> None:
    row: dict[str, Cell] = {"backends": 16384, "probed every, s": 1.0, "latest probe, ms late": 499.0}
    assert not probes.if_late(row)
    assert "up to 1.8 s late" in probes.if_late(row | {"latest probe, ms late": 1755.9})


def test_a_refusal_is_shown_without_the_folder_and_the_middle_of_a_long_list() -> None:
    assert without_folder("/tmp/x/tide.yaml:1 pools.a: refused") == "tide.yaml:1 pools.a: refused"
    assert without_folder("TIDEGATE_POOLS: refused") == "TIDEGATE_POOLS: refused"
    assert shortened("a" * 300 + "b" * 300) == "a" * MOST_SHOWN + " ... " + "b" * MOST_SHOWN
