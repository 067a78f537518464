"""The rules for Prometheus: what promtool says about them, and that each alert is known to fire and to be silent."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.prometheus import FOLDER, RULES, promtool

TESTS = {path: yaml.safe_load(path.read_text())["tests"] for path in sorted((FOLDER / "tests").glob("*.yaml"))}
RUNBOOK = Path(__file__).parents[2] / "docs" / "alerts.md"
METRIC = re.compile(r"\b(?:tidegate_\w+|process_\w+|up)\b(?=[{\[\s),]|$)")

Rule = dict[str, Any]


RULE_LIST: list[Rule] = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULE_LIST if "alert" in rule}
RECORDS = {rule["record"]: rule["expr"] for rule in RULE_LIST if "record" in rule}


def metrics(expression: str) -> set[str]:
    """What an expression reads from Tidegate, by way of recorded series, too."""
    recorded = [expr for name, expr in RECORDS.items() if name in expression]
    own = re.sub(r"\w+:\w+:\w+", "", expression)
    return set(METRIC.findall(own)).union(*map(metrics, recorded))


def cases(alert: str) -> list[tuple[bool, set[str]]]:
    """Of each case of an alert: whether it fires, and which metrics there are."""
    return [
        (bool(case["exp_alerts"]), {series["series"].partition("{")[0] for series in test["input_series"]})
        for tests in TESTS.values()
        for test in tests
        for case in test["alert_rule_test"]
        if case["alertname"] == alert
    ]


async def test_promtool_accepts_the_configuration_and_the_rules_that_it_names() -> None:
    code, said = await promtool("check", "config", FOLDER / "prometheus.yml")
    assert code == 0, said
    assert f"{len(ALERTS) + len(RECORDS)} rules found" in said


async def test_every_alert_fires_and_is_silent_when_it_should() -> None:
    results = await asyncio.gather(*(promtool("test", "rules", path) for path in TESTS))
    assert [said for code, said in results if code] == []


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not_though_its_metrics_are_there(alert: str) -> None:
    needed = metrics(ALERTS[alert]["expr"])
    assert needed, "this expression reads nothing"
    assert any(fires for fires, _ in cases(alert))
    assert any(not fires and metric in given for fires, given in cases(alert) for metric in needed)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_bad_it_is_what_is_the_matter_and_where_to_read_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["for"] not in {"", "0s"}
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert "$labels." in rule["annotations"]["summary"]
    assert "$value" in rule["annotations"]["description"]
    assert rule["annotations"]["runbook_url"] == f"docs/alerts.md#{alert.lower()}"


def test_the_runbook_has_a_section_for_each_alert_in_their_order_and_no_other() -> None:
    assert re.findall(r"^## (\w+)$", RUNBOOK.read_text(), re.MULTILINE) == list(ALERTS)


def test_recorded_series_are_called_by_level_metric_and_operation_and_all_are_used() -> None:
    for name in RECORDS:
        assert re.fullmatch(r"(instance_)?(pool|backend):tidegate_\w+:\w+", name)
        assert any(name in str(rule) for rule in RULE_LIST if rule.get("record") != name), f"nothing uses {name}"
