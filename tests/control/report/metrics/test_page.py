"""The page of all metrics: nothing is missing, however long it is, and it has the format that was asked for."""

import pytest
from prometheus_client.openmetrics import parser as openmetrics

from tests.support.reports import at_once, process_of
from tidegate.control.report.metrics.page import Format, Page, read_page, sections
from tidegate.core.pools.backend import Backend

MANY = [Backend(f"10.0.{number >> 8}.{number & 255}:80", f"10.0.{number >> 8}.{number & 255}", 80) for number in range(1500)]


def page_of(backends: int) -> Page:
    with process_of(MANY[:backends]) as process:
        return at_once(read_page(process))


@pytest.mark.parametrize("backends", [0, 1, 33, 1500])
def test_each_metric_is_there_once_with_its_type_and_help_and_each_backend_once(backends: int) -> None:
    with process_of(MANY[:backends]) as process:
        lines = b"".join(at_once(read_page(process)).chunks(Format.TEXT)).decode().splitlines()
        metrics = [metric for section in sections(process) for metric in section.metrics]
    heads = [line for line in lines if line.startswith("#") and " tidegate_" in line]
    assert heads == [line for m in metrics for line in (f"# HELP {m.name} {m.help}", f"# TYPE {m.name} {m.type}")]
    up = [line for line in lines if line.startswith("tidegate_backend_up{")]
    assert up == [f'tidegate_backend_up{{pool="chat",backend="{backend.name}"}} 0' for backend in MANY[:backends]]


def test_in_openmetrics_a_counter_is_named_without_total_and_its_samples_are_named_with_it() -> None:
    text = b"".join(page_of(1).chunks(Format.OPENMETRICS)).decode()
    families = {family.name: family for family in openmetrics.text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    counter, gauge = families["tidegate_backend_sent_bytes"], families["tidegate_backend_up"]
    assert (counter.type, counter.samples[0].name) == ("counter", "tidegate_backend_sent_bytes_total")
    assert (gauge.type, gauge.samples[0].name) == ("gauge", "tidegate_backend_up")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/plain;version=0.0.4", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("text/plain;q=0.5, application/openmetrics-text;version=1.0.0;q=0.75", Format.OPENMETRICS),
        ("application/openmetrics-text-of-another-kind", Format.TEXT),
    ],
)
def test_the_format_is_plain_text_unless_openmetrics_is_named(accept: str, wanted: Format) -> None:
    assert Format.asked_for(accept) is wanted
