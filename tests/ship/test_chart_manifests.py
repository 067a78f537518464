"""The chart with each set of values: what it makes, and whether Kubernetes takes it."""

from pathlib import Path

import pytest
import yaml

from tests.ship.chart_files import CHART
from tests.ship.helm import VALUE_SETS, Manifest, kinds, only, render, run, value_set, workload
from tests.ship.kubernetes_schemas import CUSTOM, VERSIONS, problems

USUAL = ["ConfigMap", "Deployment", "Pod", "PodDisruptionBudget", "Service", "Service", "ServiceAccount"]
PERMITTED = ["Role", "RoleBinding"]
CUSTOM_KINDS = {"PodMonitor", "PrometheusRule", "ServiceMonitor"}
EXPECTED = {
    "autoscaling": [*USUAL, *PERMITTED, "HorizontalPodAutoscaler"],
    "daemonset": [*(kind for kind in USUAL if kind not in {"Deployment", "PodDisruptionBudget"}), *PERMITTED, "DaemonSet"],
    "dns": USUAL,
    "extras": [kind for kind in USUAL if kind not in {"PodDisruptionBudget", "ServiceAccount"}],
    "kubeconfig": USUAL,
    "kubernetes-service": [*USUAL, *PERMITTED],
    "load-balancer": [*USUAL, *PERMITTED],
    "many-pools": [*USUAL, *PERMITTED, *PERMITTED],
    "monitoring": [*USUAL, *PERMITTED, "ConfigMap", "PrometheusRule", "ServiceMonitor"],
    "network-policy": [*USUAL, *PERMITTED, "NetworkPolicy"],
    "own-namespace": [*USUAL, *PERMITTED],
    "pod-monitor": [*USUAL, "PodMonitor"],
    "sidecar": ["ConfigMap", "PodMonitor", *PERMITTED],
    "static-backends": USUAL,
}


def all_manifests() -> list[Manifest]:
    return [manifest for values in VALUE_SETS for manifest in render(values)]


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
def test_the_chart_makes_what_its_values_ask_for_and_nothing_else(values: Path) -> None:
    assert kinds(render(values)) == sorted(EXPECTED[values.stem])


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_every_manifest(version: str) -> None:
    standard = [manifest for manifest in all_manifests() if manifest["apiVersion"] != CUSTOM]
    assert len(standard) == sum(kind not in CUSTOM_KINDS for made in EXPECTED.values() for kind in made)
    assert [line for manifest in standard for line in problems(manifest, version)] == []


def test_the_versions_begin_with_the_oldest_that_the_chart_takes() -> None:
    assert VERSIONS[0] == "1.29.0"
    assert VERSIONS[-1] >= "1.37.0"
    assert 'kubeVersion: ">=1.29.0-0"' in (CHART / "Chart.yaml").read_text()
    too_old = run("helm", "template", "edge", str(CHART), "--kube-version", "1.28.9", "--set", "config.backends=a:1")
    assert "1.29.0" in too_old.stderr


def test_helm_finds_nothing_to_say_against_the_chart() -> None:
    for values in ([], ["-f", str(VALUE_SETS[0])]):
        finished = run("helm", "lint", "--strict", str(CHART), *values)
        assert finished.returncode == 0, finished.stdout
        assert "0 chart(s) failed" in finished.stdout
        assert "WARNING" not in finished.stdout


def test_the_package_makes_the_same_as_the_folder(tmp_path: Path) -> None:
    packed = run("helm", "package", str(CHART), "-d", str(tmp_path))
    assert packed.returncode == 0, packed.stderr
    (package,) = tmp_path.iterdir()
    assert render(value_set("monitoring"), chart=package) == render(value_set("monitoring"))


def test_the_sleep_before_the_end_needs_no_program_where_kubernetes_can_sleep() -> None:
    def hook(version: str) -> object:
        manifests = render(value_set("load-balancer"), version=version)
        assert not list(problems(workload(manifests), version))
        return workload(manifests)["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]

    assert hook("1.29.0") == {"exec": {"command": ["sleep", "10"]}}
    assert hook(VERSIONS[-1]) == {"sleep": {"seconds": 10}}


@pytest.mark.parametrize(("kind", "port"), [("ServiceMonitor", "endpoints"), ("PodMonitor", "podMetricsEndpoints")])
def test_the_prometheus_operator_is_told_where_to_scrape(kind: str, port: str) -> None:
    manifests = [each for each in all_manifests() if each["kind"] == kind]
    for manifest in manifests:
        spec = manifest["spec"]
        assert set(spec) == {"selector", port}
        (endpoint,) = spec[port]
        assert endpoint["port"] == "tidegate-admin"
        assert endpoint["path"] == "/metrics"
        assert set(endpoint) <= {"port", "path", "interval", "scrapeTimeout", "relabelings", "metricRelabelings"}
    assert manifests


def test_links_in_alerts_lead_to_the_copy_of_their_texts_that_is_given() -> None:
    def links(*values: str) -> set[str]:
        rules = only(render("config.backends=a:1", "prometheusRule.enabled=true", *values), "PrometheusRule")["spec"]
        alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
        return {rule["annotations"]["runbook_url"].rpartition("#")[0] for rule in alerts}

    given = "https://wiki.example.com/alerts.md"
    assert links(f"prometheusRule.runbookBase={given}") == {given}
    assert given not in links()


def test_rules_and_dashboard_are_those_of_the_files() -> None:
    manifests = render(value_set("monitoring"))
    rules = only(manifests, "PrometheusRule")
    assert rules["spec"] == yaml.safe_load((CHART / "files" / "rules.yaml").read_text())
    assert rules["spec"]["groups"]
    assert rules["metadata"]["labels"]["release"] == "prometheus"
    dashboard = only(manifests, "ConfigMap", "-dashboard")
    assert dashboard["data"]["tidegate.json"].strip() == (CHART / "files" / "dashboard.json").read_text().strip()
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert dashboard["metadata"]["annotations"] == {"grafana_folder": "Proxies"}
