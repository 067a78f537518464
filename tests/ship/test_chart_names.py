"""Names and labels: everything finds what it means, and nothing else."""

import re
from pathlib import Path

import pytest

from tests.ship.helm import VALUE_SETS, Manifest, kinds, only, proxy, render, value_set, workload

LONGEST_RELEASE = "a-release-with-a-name-as-long-as-helm-allows-one-to-be"[:53]
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
STANDALONE = [path for path in VALUE_SETS if path.stem != "sidecar"]
STATIC = "config.backends=10.0.0.5:8001"


def names(value: object, key: str = "") -> list[str]:
    """Every name anywhere in a manifest."""
    if isinstance(value, dict):
        return [name for key, item in value.items() for name in names(item, str(key))]
    if isinstance(value, list):
        return [name for item in value for name in names(item, key)]
    return [str(value)] if key in {"name", "serviceAccountName"} else []


def matches(labels: dict[str, str], selector: dict[str, str]) -> bool:
    assert selector, "an empty selector selects everything"
    return selector.items() <= labels.items()


def pod_labels(manifests: list[Manifest]) -> dict[str, str]:
    labels: dict[str, str] = workload(manifests)["spec"]["template"]["metadata"]["labels"]
    return labels


@pytest.mark.parametrize("values", STANDALONE, ids=lambda path: path.stem)
def test_whatever_selects_pods_selects_those_of_the_proxy_and_not_that_of_the_test(values: Path) -> None:
    manifests = render(values)
    labels, of_the_test = pod_labels(manifests), only(manifests, "Pod")["metadata"]["labels"]
    spec = workload(manifests)["spec"]
    selectors = [
        spec["selector"]["matchLabels"],
        *(each["spec"]["selector"] for each in manifests if each["kind"] == "Service"),
        *(
            each["spec"]["selector"]["matchLabels"]
            for each in manifests
            if each["kind"] in {"PodDisruptionBudget", "PodMonitor"}
        ),
        *(each["spec"]["podSelector"]["matchLabels"] for each in manifests if each["kind"] == "NetworkPolicy"),
    ]
    if values.stem != "extras":  # which brings a selector of its own
        spread = spec["template"]["spec"].get("topologySpreadConstraints", ())
        selectors += [each["labelSelector"]["matchLabels"] for each in spread]
    assert all(matches(labels, selector) for selector in selectors)
    assert not any(matches(of_the_test, selector) for selector in selectors)


def test_the_service_monitor_finds_the_admin_service_alone() -> None:
    manifests = render(value_set("monitoring"))
    selector = only(manifests, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    found = [each for each in manifests if each["kind"] == "Service" and matches(each["metadata"]["labels"], selector)]
    assert found == [only(manifests, "Service", "-admin")]


def test_the_pod_monitor_of_a_sidecar_finds_the_label_that_the_pod_gets() -> None:
    manifests = render(value_set("sidecar"))
    assert only(manifests, "PodMonitor")["spec"]["selector"]["matchLabels"] == {"tidegate/tidegate": "edge-tidegate"}


@pytest.mark.parametrize("values", STANDALONE, ids=lambda path: path.stem)
def test_a_service_leads_to_ports_that_the_container_has(values: Path) -> None:
    manifests = render(values)
    offered = {port["name"]: port["containerPort"] for port in proxy(manifests)["ports"]}
    led_to = [port["targetPort"] for each in manifests if each["kind"] == "Service" for port in each["spec"]["ports"]]
    assert sorted(led_to) == sorted(offered)
    assert len(set(offered.values())) == len(offered)
    assert all(len(name) <= 15 for name in offered)


@pytest.mark.parametrize("name", ["many-pools", "autoscaling", "network-policy", "monitoring", "sidecar"])
def test_names_are_short_enough_even_of_a_release_with_the_longest_name(name: str) -> None:
    manifests = render(value_set(name), "grafanaDashboard.enabled=true", release=LONGEST_RELEASE)
    for manifest in manifests:
        metadata = manifest["metadata"]
        assert NAME.fullmatch(metadata["name"]), metadata["name"]
        assert all(len(str(value)) <= 63 for value in metadata["labels"].values())
    kept = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in manifests]
    assert len(set(kept)) == len(kept)


def test_a_label_that_is_given_twice_is_that_of_the_object() -> None:
    given = ("labels.release=all", "serviceMonitor.enabled=true", "serviceMonitor.labels.release=prometheus")
    manifests = render(STATIC, *given, "labels.team=edge", "podLabels.team=web", "prometheusRule.enabled=true")
    assert only(manifests, "ServiceMonitor")["metadata"]["labels"]["release"] == "prometheus"
    assert only(manifests, "PrometheusRule")["metadata"]["labels"]["release"] == "all"
    assert pod_labels(manifests)["team"] == "web"


def test_a_name_of_digits_alone_stays_a_text() -> None:
    manifests = render(STATIC, "fullnameOverride=edge", release="443")
    assert pod_labels(manifests)["app.kubernetes.io/instance"] == "443"


def test_releases_with_long_names_that_begin_alike_do_not_share_names() -> None:
    def made(release: str) -> set[tuple[str, str]]:
        return {(each["kind"], each["metadata"]["name"]) for each in render(STATIC, release=release)}

    assert not made(f"{LONGEST_RELEASE[:-1]}a") & made(f"{LONGEST_RELEASE[:-1]}b")


def test_the_chart_is_not_named_twice_in_a_release_of_the_same_name() -> None:
    assert workload(render(STATIC, release="tidegate"))["metadata"]["name"] == "tidegate"
    assert workload(render(STATIC))["metadata"]["name"] == "edge-tidegate"


@pytest.mark.parametrize("values", STANDALONE, ids=lambda path: path.stem)
def test_every_reference_to_an_object_of_the_release_is_to_one_that_exists(values: Path) -> None:
    manifests = render(values)
    spec = workload(manifests)["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["tidegate-config"]["configMap"]["name"] in names(
        [each for each in manifests if each["kind"] == "ConfigMap"]
    )
    assert {mount["name"] for mount in proxy(manifests)["volumeMounts"]} <= set(volumes)
    if "ServiceAccount" in kinds(manifests):
        assert spec["serviceAccountName"] == only(manifests, "ServiceAccount")["metadata"]["name"]
    for scaler in (each for each in manifests if each["kind"] == "HorizontalPodAutoscaler"):
        assert scaler["spec"]["scaleTargetRef"]["name"] == workload(manifests)["metadata"]["name"]
