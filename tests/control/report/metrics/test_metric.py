"""The text of samples: what is in a label arrives as it was."""

from collections.abc import Sequence

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tidegate.control.report.metrics.metric import ByLabel, Labels, Single

NOTHING_ODD = "10.0.0.1:80"


@pytest.mark.parametrize("value", [NOTHING_ODD, 'a "b"', r"a\b", "a\nb", r"a\nb", '\\"\n', "", "ä"])
def test_any_value_of_a_label_is_read_as_it_was_written(value: str) -> None:
    labels = Labels.of(("pool",), ("chat",)).further("backend", value)
    assert read(labels) == {"pool": "chat", "backend": value}


def test_a_subject_may_have_no_label() -> None:
    assert read(Labels.of((), ())) == {}


def test_only_subjects_with_a_number_have_a_sample() -> None:
    metric: Single[float | None] = Single("things", "gauge", "Things.", lambda number: number)
    rows: Sequence[tuple[Labels, float | None]] = [(Labels.of(("of",), (str(number),)), number) for number in (1.5, None, 0)]
    assert metric.samples(rows) == 'things{of="1.5"} 1.5\nthings{of="0"} 0\n'


def test_a_metric_says_for_the_documentation_which_labels_it_has_beside_those_of_its_subject() -> None:
    alone: Single[int] = Single("things", "gauge", "Things.", lambda number: number)
    by_state: ByLabel[int] = ByLabel("things", "gauge", "Things.", "state", lambda number: [("up", number)])
    assert (alone.own_labels, by_state.own_labels) == ((), ("state",))


def read(labels: Labels) -> dict[str, str]:
    """The labels of a sample as Prometheus reads them."""
    metric: Single[int] = Single("things", "gauge", "Things.", lambda number: number)
    text = metric.samples([(labels, 1)])
    ((sample,),) = (family.samples for family in text_string_to_metric_families(text))
    return dict(sample.labels)
